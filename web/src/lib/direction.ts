/** The direction of text that is not one element's own, such as the columns of a table. */

const STRONG = /\p{L}/u;
const RIGHT_TO_LEFT =
  /[\p{Script=Arabic}\p{Script=Hebrew}\p{Script=Syriac}\p{Script=Thaana}\p{Script=Nko}]/u;

/** That of the first letter, as `dir="auto"` decides; browsers skip cells and items that have their own. */
export function directionOfText(text: string): 'ltr' | 'rtl' | undefined {
  const letter = STRONG.exec(text)?.[0];
  if (letter === undefined) return undefined;
  return RIGHT_TO_LEFT.test(letter) ? 'rtl' : 'ltr';
}
