import { describe, expect, it } from 'vitest';
import { directionOfText } from './direction';

describe('the direction of text', () => {
  it.each([
    ['25 days of leave', 'ltr'],
    ['25 يومًا in words', 'rtl'],
    ['HR سياسة', 'ltr'],
    ['«שלום»', 'rtl'],
    ['2026 | 30', undefined],
  ])('of %s is %s', (text, direction) => {
    expect(directionOfText(text)).toBe(direction);
  });
});
