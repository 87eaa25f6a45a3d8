/** Shapes of connectors under /api/v1/connectors. Secrets go in and never come out. */

export type Kind = 'folder' | 'git' | 's3' | 'website';

interface FolderOptions {
  kind: 'folder';
  path: string;
  include: string[];
  exclude: string[];
}

interface GitOptions {
  kind: 'git';
  url: string;
  branch: string;
  username: string;
  include: string[];
  exclude: string[];
}

interface S3Options {
  kind: 's3';
  bucket: string;
  /** Empty means Amazon's in `region`. */
  endpoint: string;
  region: string;
  prefix: string;
  include: string[];
  exclude: string[];
}

interface WebsiteOptions {
  kind: 'website';
  url: string;
  is_sitemap: boolean;
  max_depth: number;
  max_pages: number;
  pause_seconds: number;
  username: string;
  exclude: string[];
}

export type ConnectorOptions = FolderOptions | GitOptions | S3Options | WebsiteOptions;

export type SyncState = 'never' | 'queued' | 'running' | 'done' | 'needs_confirmation' | 'failed';

export interface Sync {
  /** From 1; 0 before the first. */
  number: number;
  state: SyncState;
  reason: string | null;
  started_at: string | null;
  finished_at: string | null;
  added: number;
  changed: number;
  moved: number;
  deleted: number;
  /** Items that have a problem now. */
  failed: number;
}

/** Why an item at the origin could not be taken. */
export interface ItemProblem {
  key: string;
  detail: string;
}

export interface Connector {
  id: string;
  collection: string;
  /** Also the folder of its documents. */
  name: string;
  options: ConnectorOptions;
  secret_names: string[];
  /** Between the end of one sync and the next; `null`: only when told to. */
  interval_seconds: number | null;
  is_watched: boolean;
  is_paused: boolean;
  created_at: string;
  next_sync_at: string | null;
  items: number;
  last_sync: Sync;
}

export interface ConnectorDetail extends Connector {
  /** The first two hundred. */
  problems: ItemProblem[];
}

export interface NewConnector {
  collection: string;
  name: string;
  options: { kind: Kind } & Record<string, unknown>;
  secrets: Record<string, string>;
  interval_seconds: number | null;
  is_watched: boolean;
}

/** What is to change; what is left out stays as it is. */
export interface ConnectorChange {
  name?: string;
  /** `null` gives an option back its default. */
  options?: Record<string, unknown>;
  /** `null` takes a secret away. */
  secrets?: Record<string, string | null>;
  interval_seconds?: number | null;
  is_watched?: boolean;
  is_paused?: boolean;
}
