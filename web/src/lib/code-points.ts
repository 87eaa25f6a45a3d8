/** Text addressed by Unicode code points, as the API counts; JavaScript counts UTF-16 units. */

export class CodePointText {
  readonly text: string;
  /** UTF-16 index of every code point; `null` when the two counts agree. */
  readonly #units: Uint32Array | null;

  constructor(text: string) {
    this.text = text;
    this.#units = /[\uD800-\uDBFF][\uDC00-\uDFFF]/.test(text) ? unitIndexes(text) : null;
  }

  /** Characters `start` to `end`, in code points; positions beyond the text mean its end. */
  slice(start: number, end: number): string {
    return this.text.slice(this.#unit(start), this.#unit(end));
  }

  #unit(position: number): number {
    if (!this.#units) return position;
    return this.#units[position] ?? this.text.length;
  }
}

function unitIndexes(text: string): Uint32Array {
  const units = new Uint32Array(text.length);
  let count = 0;
  for (let unit = 0; unit < text.length; unit += text.codePointAt(unit)! > 0xffff ? 2 : 1) {
    units[count++] = unit;
  }
  return units.subarray(0, count);
}
