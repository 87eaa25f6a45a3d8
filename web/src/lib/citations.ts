/** Citation markers in an answer's text: `[1]`, `[1][4]`, `[1, 4]`. */

export type AnswerPart =
  | { kind: 'text'; text: string }
  | { kind: 'citations'; numbers: number[] };

const MARKERS = /\s*(?:\[\d{1,3}(?:\s*,\s*\d{1,3})*\]\s?)+(?<!\s)/g;

/** Splits `text` at its markers; neighbouring markers are one part, unknown numbers stay text. */
export function splitCitations(text: string, isKnown: (n: number) => boolean): AnswerPart[] {
  const parts: AnswerPart[] = [];
  let at = 0;
  for (const match of text.matchAll(MARKERS)) {
    const numbers = [...match[0].matchAll(/\d+/g)].map((digits) => Number(digits[0]));
    if (!numbers.every(isKnown)) continue;
    pushText(parts, text.slice(at, match.index));
    parts.push({ kind: 'citations', numbers: [...new Set(numbers)] });
    at = match.index + match[0].length;
  }
  pushText(parts, text.slice(at));
  return parts;
}

/** The text without a marker that has only half arrived, so that `[1` never flashes. */
export function withoutHalfMarker(text: string): string {
  return text.replace(/\s*\[[\d,\s]{0,12}$/, '');
}

function pushText(parts: AnswerPart[], text: string): void {
  if (text) parts.push({ kind: 'text', text });
}
