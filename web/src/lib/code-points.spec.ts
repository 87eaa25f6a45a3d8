import { describe, expect, it } from 'vitest';
import { CodePointText } from './code-points';

describe('text addressed by code points', () => {
  it.each(['plain words', 'naïve café', 'a🙂b𝒳c🙂', 'سياسة الإجازات 📄 يوم'])('slices %s as Python does', (text) => {
    const points = [...text];
    const addressed = new CodePointText(text);
    for (let start = 0; start <= points.length; start++) {
      for (let end = start; end <= points.length; end++) {
        expect(addressed.slice(start, end)).toBe(points.slice(start, end).join(''));
      }
    }
  });

  it('stops at the end of the text', () => {
    expect(new CodePointText('a🙂').slice(1, 99)).toBe('🙂');
    expect(new CodePointText('ab').slice(1, 99)).toBe('b');
  });
});
