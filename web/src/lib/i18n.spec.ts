import { describe, expect, it } from 'vitest';
import {
  CATALOGUES,
  LANGUAGES,
  chooseLanguage,
  formatDuration,
  formatSize,
  isLanguage,
  translate,
  type Language,
  type MessageKey,
} from './i18n';

const languages = Object.keys(LANGUAGES).filter(isLanguage);
const keys = Object.keys(CATALOGUES.en) as MessageKey[];

function placeholders(text: string): string[] {
  return [...text.matchAll(/\{\w+\}/g)].map(String).sort();
}

describe.each(languages)('the %s catalogue', (language: Language) => {
  const catalogue = CATALOGUES[language];

  it('has the same messages as the English one, in words of its own', () => {
    expect(Object.keys(catalogue).sort()).toEqual([...keys].sort());
    for (const key of keys) expect(JSON.stringify(catalogue[key])).not.toBe('""');
  });

  it('fills in the same values', () => {
    for (const key of keys) {
      const [english, message] = [CATALOGUES.en[key], catalogue[key]];
      const [expected, found] = [english, message].map((one) => (typeof one === 'string' ? one : one.other));
      expect(placeholders(found ?? ''), key).toEqual(placeholders(expected ?? ''));
    }
  });

  it('has every plural form that the language needs', () => {
    const forms = new Intl.PluralRules(language).resolvedOptions().pluralCategories;
    for (const key of keys) {
      const message = catalogue[key];
      expect(typeof message === 'string', key).toBe(typeof CATALOGUES.en[key] === 'string');
      if (typeof message !== 'string') expect(Object.keys(message).sort(), key).toEqual([...forms].sort());
    }
  });
});

describe('messages', () => {
  it('choose the plural form by the count', () => {
    expect(translate('en', 'library.count', { count: 1 })).toBe('1 document');
    expect(translate('en', 'library.count', { count: 3 })).toBe('3 documents');
    expect(translate('ar', 'library.count', { count: 2 })).toBe('مستندان');
    expect(translate('fr', 'library.count', { count: 0 })).toBe('0 document');
  });

  it('put values in without reading them again', () => {
    expect(translate('en', 'document.delete', { name: '{name} $& .md' })).toBe('Delete {name} $& .md');
  });
});

describe('the language', () => {
  it('is the stored one, else the first preferred one that we speak, else English', () => {
    expect(chooseLanguage('ar', ['fr'])).toBe('ar');
    expect(chooseLanguage(null, ['de-DE', 'fr-CA', 'en'])).toBe('fr');
    expect(chooseLanguage('xx', ['de'])).toBe('en');
  });
});

describe('sizes', () => {
  it('use the unit that keeps the number short', () => {
    expect(formatSize('en', 0)).toBe('0 bytes');
    expect(formatSize('en', 1500)).toBe('2 kB');
    expect(formatSize('en', 2_340_000)).toBe('2.3 MB');
  });
});

describe('durations', () => {
  it('use the largest unit without a fraction', () => {
    expect(formatDuration('en', 900)).toBe('15 minutes');
    expect(formatDuration('en', 3600)).toBe('1 hour');
    expect(formatDuration('en', 5400)).toBe('90 minutes');
    expect(formatDuration('fr', 604_800)).toMatch(/^7\sjours$/);
    expect(formatDuration('en', 61)).toBe('61 seconds');
  });
});
