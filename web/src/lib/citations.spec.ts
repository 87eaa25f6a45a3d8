import { describe, expect, it } from 'vitest';
import { splitCitations, withoutHalfMarker } from './citations';

const upTo = (last: number) => (n: number) => n <= last;

describe('citation markers', () => {
  it('are cut out of the sentence, with the blank before them', () => {
    expect(splitCitations('Twenty days [1]. More [2]', upTo(2))).toEqual([
      { kind: 'text', text: 'Twenty days' },
      { kind: 'citations', numbers: [1] },
      { kind: 'text', text: '. More' },
      { kind: 'citations', numbers: [2] },
    ]);
  });

  it('are one group when they stand together', () => {
    for (const written of ['x[1][4]', 'x [1] [4]', 'x [1, 4]', 'x [1][4][1]']) {
      expect(splitCitations(written, upTo(4)).at(-1)).toEqual({ kind: 'citations', numbers: [1, 4] });
    }
  });

  it('keep the blank that separates them from the next word', () => {
    expect(splitCitations('x [1] y', upTo(1)).at(-1)).toEqual({ kind: 'text', text: ' y' });
  });

  it('stay text when their number is unknown', () => {
    expect(splitCitations('array[7] and [2024]', upTo(3))).toEqual([
      { kind: 'text', text: 'array[7] and [2024]' },
    ]);
  });
});

describe('a half marker', () => {
  it('is hidden wherever the stream stops inside it', () => {
    const sentence = 'Twenty days [1, 12]';
    for (let end = 'Twenty days ['.length; end < sentence.length; end++) {
      expect(withoutHalfMarker(sentence.slice(0, end))).toBe('Twenty days');
    }
    expect(withoutHalfMarker(sentence)).toBe(sentence);
  });

  it('is not mistaken for other brackets', () => {
    expect(withoutHalfMarker('see [annex')).toBe('see [annex');
  });
});
