import {
  chooseLanguage,
  directionOf,
  translate,
  type Language,
  type MessageKey,
  type Values,
} from '../lib/i18n';
import { isTheme, type Theme } from '../lib/theme';
import { readStored, writeStored } from './stored';

const LANGUAGE_KEY = 'sourcebook.language';
const THEME_KEY = 'sourcebook.theme';
const local = () => localStorage;

function storedTheme(): Theme {
  const stored = readStored(local, THEME_KEY);
  return isTheme(stored) ? stored : 'system';
}

class Preferences {
  language: Language = $state(chooseLanguage(readStored(local, LANGUAGE_KEY), navigator.languages));
  theme: Theme = $state(storedTheme());

  /** Puts both on the document; called once at the start and after each change. */
  apply(): void {
    const root = document.documentElement;
    root.lang = this.language;
    root.dir = directionOf(this.language);
    if (this.theme === 'system') delete root.dataset.theme;
    else root.dataset.theme = this.theme;
  }

  choose(choice: { language?: Language; theme?: Theme }): void {
    if (choice.language) writeStored(local, LANGUAGE_KEY, (this.language = choice.language));
    if (choice.theme) writeStored(local, THEME_KEY, (this.theme = choice.theme));
    this.apply();
  }
}

export const preferences = new Preferences();

/** The message in the chosen language; what shows it follows a change of language. */
export function t(key: MessageKey, values?: Values): string {
  return translate(preferences.language, key, values);
}
