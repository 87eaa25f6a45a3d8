/** The colour theme: the system's, unless the reader chose one. */

export type Theme = 'system' | 'light' | 'dark';

export const THEMES: readonly Theme[] = ['system', 'light', 'dark'];

export function isTheme(value: unknown): value is Theme {
  return THEMES.some((theme) => theme === value);
}
