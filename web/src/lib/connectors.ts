/** What a reader fills in about a connector, and what of it goes to the API. Pure. */

import type {
  Connector,
  ConnectorChange,
  ConnectorOptions,
  Kind,
  NewConnector,
  SyncState,
} from './connector-types';
import type { MessageKey } from './i18n';

export interface Field {
  /** The option's name in the API. */
  name: string;
  input: 'text' | 'number' | 'check' | 'lines';
  label: MessageKey;
  hint?: MessageKey;
  isRequired?: boolean;
  /** Seldom needed: shown when asked for. */
  isFurther?: boolean;
  /** What the server takes when the field is empty. */
  byDefault?: string;
  min?: number;
  max?: number;
  step?: number;
}

export const KINDS: readonly Kind[] = ['folder', 'git', 's3', 'website'];

const INCLUDE: Field = {
  name: 'include',
  input: 'lines',
  label: 'connector.include',
  hint: 'connector.patterns.hint',
  isFurther: true,
};
const EXCLUDE: Field = {
  name: 'exclude',
  input: 'lines',
  label: 'connector.exclude',
  hint: 'connector.patterns.hint',
  isFurther: true,
};

/** An empty field leaves the option to the server. */
export const FIELDS: Record<Kind, readonly Field[]> = {
  folder: [
    { name: 'path', input: 'text', label: 'connector.path', hint: 'connector.path.hint', isRequired: true },
    INCLUDE,
    EXCLUDE,
  ],
  git: [
    { name: 'url', input: 'text', label: 'connector.repository', hint: 'connector.repository.hint', isRequired: true },
    { name: 'branch', input: 'text', label: 'connector.branch', hint: 'connector.branch.hint' },
    { name: 'username', input: 'text', label: 'connector.username', hint: 'connector.gitUser.hint', isFurther: true },
    INCLUDE,
    EXCLUDE,
  ],
  s3: [
    { name: 'bucket', input: 'text', label: 'connector.bucket', isRequired: true },
    { name: 'endpoint', input: 'text', label: 'connector.endpoint', hint: 'connector.endpoint.hint' },
    { name: 'region', input: 'text', label: 'connector.region', byDefault: 'us-east-1' },
    { name: 'prefix', input: 'text', label: 'connector.prefix', hint: 'connector.prefix.hint' },
    INCLUDE,
    EXCLUDE,
  ],
  website: [
    { name: 'url', input: 'text', label: 'connector.website', hint: 'connector.website.hint', isRequired: true },
    { name: 'is_sitemap', input: 'check', label: 'connector.isSitemap' },
    { name: 'username', input: 'text', label: 'connector.username', hint: 'connector.webUser.hint' },
    { name: 'max_depth', input: 'number', label: 'connector.maxDepth', byDefault: '3', isFurther: true, min: 0, max: 20, step: 1 },
    { name: 'max_pages', input: 'number', label: 'connector.maxPages', byDefault: '1000', isFurther: true, min: 1, max: 50_000, step: 1 },
    { name: 'pause_seconds', input: 'number', label: 'connector.pauseSeconds', byDefault: '1', isFurther: true, min: 0, max: 60, step: 0.1 },
    EXCLUDE,
  ],
};

export const SECRETS = {
  folder: [],
  git: ['token'],
  s3: ['access_key', 'secret_key', 'session_token'],
  website: ['password'],
} as const satisfies Record<Kind, readonly string[]>;

export type SecretName = (typeof SECRETS)[Kind][number];

const INTERVALS = [300, 900, 3600, 21_600, 86_400, 604_800];

/** The choices of an interval, in seconds; one set elsewhere is among them. */
export function intervalsWith(current: number | null): number[] {
  return [...new Set([...INTERVALS, ...(current === null ? [] : [current])])].sort((a, b) => a - b);
}

/** As it stands in the form: everything but a tick is text. */
export interface Draft {
  kind: Kind;
  name: string;
  options: Record<string, string | boolean>;
  secrets: Record<string, string>;
  /** Names of the secrets to take away. */
  dropped: string[];
  /** In seconds; empty syncs only when told to. */
  interval: string;
  isWatched: boolean;
}

export function emptyDraft(kind: Kind): Draft {
  const options = Object.fromEntries(FIELDS[kind].map((field) => [field.name, field.input === 'check' ? false : '']));
  const secrets = Object.fromEntries(SECRETS[kind].map((name) => [name, '']));
  return { kind, name: '', options, secrets, dropped: [], interval: '', isWatched: false };
}

export function draftOf(connector: Connector): Draft {
  const { kind } = connector.options;
  return {
    ...emptyDraft(kind),
    name: connector.name,
    options: Object.fromEntries(FIELDS[kind].map((field) => [field.name, written(connector.options, field)])),
    interval: connector.interval_seconds === null ? '' : String(connector.interval_seconds),
    isWatched: connector.is_watched,
  };
}

export function newConnector(collection: string, draft: Draft): NewConnector {
  const values = FIELDS[draft.kind].map((field) => [field.name, valueOf(field, draft.options[field.name])] as const);
  return {
    collection,
    name: draft.name.trim(),
    options: { kind: draft.kind, ...Object.fromEntries(values.filter(([, value]) => value !== null)) },
    secrets: givenSecrets(draft),
    interval_seconds: intervalOf(draft),
    is_watched: draft.isWatched,
  };
}

/** Only what differs: somebody else may have changed the rest meanwhile. */
export function changeOf(connector: Connector, draft: Draft): ConnectorChange {
  const before = draftOf(connector);
  const change: ConnectorChange = {};
  if (draft.name.trim() !== before.name) change.name = draft.name.trim();
  const options: Record<string, unknown> = {};
  for (const field of FIELDS[draft.kind]) {
    const value = valueOf(field, draft.options[field.name]);
    const old = valueOf(field, before.options[field.name]);
    if (JSON.stringify(value) !== JSON.stringify(old)) options[field.name] = value;
  }
  if (Object.keys(options).length) change.options = options;
  const dropped = Object.fromEntries(draft.dropped.map((name) => [name, null]));
  const secrets = { ...dropped, ...givenSecrets(draft) };
  if (Object.keys(secrets).length) change.secrets = secrets;
  if (draft.interval !== before.interval) change.interval_seconds = intervalOf(draft);
  if (draft.isWatched !== before.isWatched) change.is_watched = draft.isWatched;
  return change;
}

/** Where the origin is, in one line. */
export function placeOf(options: ConnectorOptions): string {
  switch (options.kind) {
    case 'folder':
      return options.path;
    case 'git':
      return options.branch ? `${options.url} (${options.branch})` : options.url;
    case 's3':
      return [options.endpoint.replace(/\/+$/, '') || options.region, options.bucket, options.prefix]
        .filter(Boolean)
        .join('/');
    case 'website':
      return options.url;
  }
}

export function kindLabel(options: ConnectorOptions): MessageKey {
  return options.kind === 'website' && options.is_sitemap ? 'connector.kind.sitemap' : `connector.kind.${options.kind}`;
}

/** Where it stands, in a reader's eyes: a sync that is done may have left items behind. */
export function stateOf({ last_sync: { state, failed } }: Connector): SyncState | 'partly' {
  return state === 'done' && failed ? 'partly' : state;
}

/** A sync waits or runs. */
export function isBusy({ last_sync: { state } }: Connector): boolean {
  return state === 'queued' || state === 'running';
}

function written(options: ConnectorOptions, { name }: Field): string | boolean {
  const value = (options as unknown as Record<string, string | number | boolean | string[]>)[name] ?? '';
  if (typeof value === 'boolean') return value;
  return Array.isArray(value) ? value.join('\n') : String(value);
}

/** `null` where nothing is filled in. */
function valueOf({ input }: Field, draft: string | boolean | undefined): unknown {
  if (typeof draft === 'boolean') return draft;
  const text = draft?.trim() ?? '';
  if (!text) return null;
  if (input === 'number') return Number(text);
  if (input !== 'lines') return text;
  const lines = text.split('\n').map((line) => line.trim());
  return lines.filter(Boolean);
}

/** As they were typed: a blank at the end may belong to a password. */
function givenSecrets(draft: Draft): Record<string, string> {
  return Object.fromEntries(Object.entries(draft.secrets).filter(([, text]) => text));
}

function intervalOf(draft: Draft): number | null {
  return draft.interval ? Number(draft.interval) : null;
}
