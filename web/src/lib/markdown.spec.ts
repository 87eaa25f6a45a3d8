import { describe, expect, it } from 'vitest';
import { blockWords, markDoubts, parseBlocks, plainText, splitBlocks, type InlineNode, type Reading } from './markdown';

const READING: Reading = { isKnownCitation: (n) => n <= 3, origin: 'http://localhost:8000' };

function firstParagraph(markdown: string): InlineNode[] {
  const [block] = parseBlocks(markdown, READING);
  if (block?.kind !== 'paragraph') throw new Error(`a ${block?.kind}, not a paragraph`);
  return block.children;
}

describe('reading an answer', () => {
  it('finds citations in plain, strong and listed text', () => {
    expect(firstParagraph('Twenty days [1][2].')).toContainEqual({ kind: 'citations', numbers: [1, 2] });
    expect(firstParagraph('**Twenty [3]**')).toEqual([
      { kind: 'strong', children: [{ kind: 'text', text: 'Twenty' }, { kind: 'citations', numbers: [3] }] },
    ]);
    expect(JSON.stringify(parseBlocks('- one [1]\n- two [2]', READING))).toContain('"numbers":[2]');
  });

  it('leaves brackets in code and unknown numbers alone', () => {
    expect(firstParagraph('`x[1]` and y[9]').some((node) => node.kind === 'citations')).toBe(false);
  });

  it('does not take a list of sources for link definitions', () => {
    const nodes = firstParagraph('Twenty days [1].\n\n[1]: Handbook');
    expect(nodes).toContainEqual({ kind: 'citations', numbers: [1] });
  });

  it('shows raw HTML as text', () => {
    const nodes = parseBlocks('<script>alert(1)</script>\n\nhi <img src=x onerror=alert(1)>', READING);
    const shown = JSON.stringify(nodes);
    expect(shown).toContain('<script>alert(1)</script>');
    expect(shown).toContain('<img src=x onerror=alert(1)>');
    expect(shown).not.toContain('"kind":"html"');
  });

  it('links only within this site and never loads an image', () => {
    expect(firstParagraph('[here](/api/v1/documents)')[0]?.kind).toBe('link');
    for (const href of ['https://elsewhere.test/a', 'javascript:alert(1)', '//elsewhere.test']) {
      const nodes = firstParagraph(`[there](${href})`);
      expect(nodes.some((node) => node.kind === 'link')).toBe(false);
      expect(plainText(nodes)).toBe(`there (${href})`);
    }
    expect(plainText(firstParagraph('![logo](https://elsewhere.test/i.png)'))).toBe('logo');
  });
});

describe('doubtful sentences', () => {
  const sentences = [
    { text: 'It is 20 days [1].', citations: [1], support: 'supported' as const },
    { text: 'It may **grow** [2].', citations: [2], support: 'weak' as const },
  ];

  it('are wrapped with their citations, and nothing else is', () => {
    const text = 'It is 20 days [1]. It may **grow** [2]. End.';
    const nodes = firstParagraph(markDoubts(text, sentences));
    const doubts = nodes.filter((node) => node.kind === 'doubt');
    expect(doubts.map((doubt) => [doubt.support, plainText(doubt.children)])).toEqual([
      ['weak', 'It may grow[2].'],
    ]);
    expect(plainText(nodes)).toBe('It is 20 days[1]. It may grow[2]. End.');
  });

  it('keep a list a list', () => {
    const sentence = { text: '- It may grow [2].', citations: [2], support: 'unsupported' as const };
    const [block] = parseBlocks(markDoubts('- It may grow [2].', [sentence]), READING);
    expect(block?.kind).toBe('list');
  });

  it('leave the text unchanged when they are not in it, or the answer holds the marks itself', () => {
    const absent = { text: 'Elsewhere.', citations: [], support: 'weak' as const };
    expect(markDoubts('Here.', [absent])).toBe('Here.');
    expect(plainText(firstParagraph(markDoubts('He\uE010re.', [])))).toBe('Here.');
  });
});

describe('cutting an answer into blocks', () => {
  it('cuts at blank lines, not inside code', () => {
    expect(splitBlocks('a\nb\n\nc\n\n```\nx\n\ny\n```\n\nd')).toEqual(['a\nb', 'c', '```\nx\n\ny\n```', 'd']);
  });

  it('keeps an indented continuation with its list item', () => {
    expect(splitBlocks('1. a\n\n   more\n\nb')).toEqual(['1. a\n\n   more', 'b']);
  });

  it('never changes a finished block while text is appended', () => {
    const text = 'First [1].\n\n- one\n- two\n\n```py\nx = [1]\n\n```\n\nLast.';
    let before: string[] = [];
    for (let end = 1; end <= text.length; end++) {
      const now = splitBlocks(text.slice(0, end));
      expect(now.slice(0, before.length - 1)).toEqual(before.slice(0, -1));
      before = now;
    }
  });
});

describe('the words of a block', () => {
  it('are those of all its parts', () => {
    const blocks = parseBlocks('- a **b** [1]\n- c\n\n> d\n\n| e | f |\n|---|---|\n| g | h |', READING);
    expect(blocks.map(blockWords)).toEqual(['a b[1] c', 'd', 'e f g h']);
  });
});
