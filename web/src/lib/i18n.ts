/** Messages in the reader's language: own catalogues, plurals and formats by `Intl`. */

import { ar } from './messages/ar';
import { en, type Catalogue, type MessageKey } from './messages/en';
import { fr } from './messages/fr';

export type { MessageKey };
export type Language = 'en' | 'fr' | 'ar';
export type Values = Record<string, string | number>;

/** Each language by its own name, as a reader looks for it. */
export const LANGUAGES: Record<Language, string> = { en: 'English', fr: 'Français', ar: 'العربية' };

export const CATALOGUES: Record<Language, Catalogue> = { en, fr, ar };

export function isLanguage(value: unknown): value is Language {
  return typeof value === 'string' && value in LANGUAGES;
}

export function directionOf(language: Language): 'ltr' | 'rtl' {
  return language === 'ar' ? 'rtl' : 'ltr';
}

/** The stored choice, else the first of the browser's languages that we speak, else English. */
export function chooseLanguage(stored: string | null, preferred: readonly string[]): Language {
  if (isLanguage(stored)) return stored;
  return preferred.map((tag) => tag.toLowerCase().split('-')[0]).find(isLanguage) ?? 'en';
}

/** The message with its `{names}` filled in; `count` also chooses the plural form. */
export function translate(language: Language, key: MessageKey, values: Values = {}): string {
  const message = CATALOGUES[language][key];
  const form =
    typeof message === 'string'
      ? message
      : (message[new Intl.PluralRules(language).select(Number(values.count ?? 0))] ?? message.other);
  return form.replace(/\{(\w+)\}/g, (placeholder, name: string) => {
    const value = values[name];
    if (value === undefined) return placeholder;
    return typeof value === 'number' ? formatNumber(language, value) : value;
  });
}

export function formatNumber(language: Language, value: number): string {
  return new Intl.NumberFormat(language).format(value);
}

export function formatPercent(language: Language, fraction: number): string {
  return new Intl.NumberFormat(language, { style: 'percent' }).format(fraction);
}

export function formatDate(language: Language, timestamp: string): string {
  const date = new Date(timestamp);
  if (Number.isNaN(date.getTime())) return '';
  return new Intl.DateTimeFormat(language, { dateStyle: 'medium' }).format(date);
}

/** Day and time of day. */
export function formatMoment(language: Language, timestamp: string): string {
  const date = new Date(timestamp);
  if (Number.isNaN(date.getTime())) return '';
  return new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeStyle: 'short' }).format(date);
}

const TIME_UNITS = [
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
  ['second', 1],
] as const;

/** In the largest unit that needs no fraction. */
export function formatDuration(language: Language, seconds: number): string {
  const [unit, length] = TIME_UNITS.find(([, length]) => seconds % length === 0) ?? TIME_UNITS[3];
  return new Intl.NumberFormat(language, { style: 'unit', unit, unitDisplay: 'long' }).format(seconds / length);
}

const SIZE_UNITS = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte'] as const;

/** Decimal units, as the reader's file manager shows them. */
export function formatSize(language: Language, bytes: number): string {
  const power = bytes < 1000 ? 0 : Math.min(Math.floor(Math.log10(bytes) / 3), SIZE_UNITS.length - 1);
  return new Intl.NumberFormat(language, {
    style: 'unit',
    unit: SIZE_UNITS[power],
    unitDisplay: power ? 'short' : 'long',
    maximumFractionDigits: power > 1 ? 1 : 0,
  }).format(bytes / 1000 ** power);
}
