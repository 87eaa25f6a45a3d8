import { describe, expect, it } from 'vitest';
import type { Connector, ConnectorOptions } from './connector-types';
import { changeOf, draftOf, emptyDraft, intervalsWith, isBusy, kindLabel, newConnector, placeOf, stateOf } from './connectors';

const WEBSITE: ConnectorOptions = {
  kind: 'website',
  url: 'https://docs.example.com/guide/',
  is_sitemap: false,
  max_depth: 3,
  max_pages: 1000,
  pause_seconds: 0.5,
  username: 'reader',
  exclude: ['*.zip', '*/old/*'],
};
const S3: ConnectorOptions = {
  kind: 's3',
  bucket: 'contracts',
  endpoint: 'https://s3.example.com/',
  region: 'us-east-1',
  prefix: '2026/',
  include: [],
  exclude: [],
};

function connector(options: ConnectorOptions, changes: Partial<Connector> = {}): Connector {
  return {
    id: 'con_1',
    collection: 'hr',
    name: 'guide',
    options,
    secret_names: [],
    interval_seconds: 3600,
    is_watched: false,
    is_paused: false,
    created_at: '2026-11-24T10:00:00Z',
    next_sync_at: null,
    items: 0,
    last_sync: {
      number: 1,
      state: 'done',
      reason: null,
      started_at: null,
      finished_at: null,
      added: 0,
      changed: 0,
      moved: 0,
      deleted: 0,
      failed: 0,
    },
    ...changes,
  };
}

describe('a new connector', () => {
  it('leaves to the server what is not filled in', () => {
    const draft = emptyDraft('git');
    draft.options.url = ' https://git.example.com/docs.git ';
    expect(newConnector('it', draft)).toEqual({
      collection: 'it',
      name: '',
      options: { kind: 'git', url: 'https://git.example.com/docs.git' },
      secrets: {},
      interval_seconds: null,
      is_watched: false,
    });
  });

  it('sends numbers as numbers, lines as lists, and secrets as they were typed', () => {
    const draft = emptyDraft('website');
    Object.assign(draft.options, { url: 'https://example.com', max_depth: '0', exclude: '*.zip\n\n  */old/* ' });
    draft.secrets.password = ' hush ';
    draft.interval = '900';
    expect(newConnector('it', draft)).toMatchObject({
      options: { max_depth: 0, exclude: ['*.zip', '*/old/*'] },
      secrets: { password: ' hush ' },
      interval_seconds: 900,
    });
  });
});

describe('a change', () => {
  it('is empty when nothing was touched', () => {
    for (const options of [WEBSITE, S3]) {
      const before = connector(options);
      expect(changeOf(before, draftOf(before))).toEqual({});
    }
  });

  it('names only what differs, and gives an emptied option back its default', () => {
    const before = connector(WEBSITE);
    const draft = draftOf(before);
    Object.assign(draft.options, { max_pages: '', pause_seconds: '2', is_sitemap: true });
    draft.name = ' Guide ';
    draft.interval = '';
    expect(changeOf(before, draft)).toEqual({
      name: 'Guide',
      options: { max_pages: null, pause_seconds: 2, is_sitemap: true },
      interval_seconds: null,
    });
  });

  it('keeps secrets that are left empty, replaces what is typed, and takes away what is dropped', () => {
    const before = connector(S3, { secret_names: ['access_key', 'secret_key', 'session_token'] });
    const draft = draftOf(before);
    draft.secrets.secret_key = 'new';
    draft.dropped = ['session_token'];
    expect(changeOf(before, draft)).toEqual({ secrets: { secret_key: 'new', session_token: null } });
  });
});

describe('a connector', () => {
  it('tells its place in one line', () => {
    expect(placeOf(S3)).toBe('https://s3.example.com/contracts/2026/');
    expect(placeOf({ ...S3, endpoint: '', prefix: '' })).toBe('us-east-1/contracts');
    const git: ConnectorOptions = {
      kind: 'git',
      url: 'https://git.example.com/a.git',
      branch: 'main',
      username: '',
      include: [],
      exclude: [],
    };
    expect(placeOf(git)).toBe('https://git.example.com/a.git (main)');
    expect(placeOf({ ...git, branch: '' })).toBe('https://git.example.com/a.git');
  });

  it('is called a sitemap when it follows one', () => {
    expect(kindLabel(WEBSITE)).toBe('connector.kind.website');
    expect(kindLabel({ ...WEBSITE, is_sitemap: true })).toBe('connector.kind.sitemap');
  });

  it('is busy from the request of a sync to its end', () => {
    const states = ['never', 'queued', 'running', 'done', 'needs_confirmation', 'failed'] as const;
    const { last_sync } = connector(S3);
    const busy = states.filter((state) => isBusy(connector(S3, { last_sync: { ...last_sync, state } })));
    expect(busy).toEqual(['queued', 'running']);
  });

  it('that left items behind is not simply in step', () => {
    const { last_sync } = connector(S3);
    expect(stateOf(connector(S3))).toBe('done');
    expect(stateOf(connector(S3, { last_sync: { ...last_sync, failed: 1 } }))).toBe('partly');
    expect(stateOf(connector(S3, { last_sync: { ...last_sync, state: 'failed', failed: 1 } }))).toBe('failed');
  });

  it('keeps an interval that was set elsewhere among the choices', () => {
    expect(intervalsWith(3600)).toEqual(intervalsWith(null));
    expect(intervalsWith(1800)).toContain(1800);
    expect(intervalsWith(1800)).toEqual([...intervalsWith(1800)].sort((a, b) => a - b));
  });
});
