import {
  addConnector,
  changeConnector,
  listConnectors,
  readConnector,
  removeConnector,
  syncConnector,
} from '../lib/api';
import type { Problem } from '../lib/api-types';
import type { Connector, ConnectorChange, ConnectorDetail, NewConnector } from '../lib/connector-types';
import { isBusy, stateOf } from '../lib/connectors';
import { ProblemError } from '../lib/problems';
import { announcer } from './announcer.svelte';
import { library } from './library.svelte';
import { t } from './preferences.svelte';

/** No event tells of connectors: one that syncs is asked often, and one at rest may begin by itself. */
const BUSY_POLL_MS = 1000;
const REST_POLL_MS = 5000;

/** The connectors of one collection, as they are now. */
export class ConnectorList {
  /** `null` until the first list has arrived. */
  connectors: ConnectorDetail[] | null = $state.raw(null);
  problem: Problem | null = $state.raw(null);
  readonly #collection: string;
  #timer: number | undefined;
  #isClosed = false;
  #latest = 0;

  constructor(collection: string) {
    this.#collection = collection;
  }

  /** Loads and keeps up to date until `close`. */
  async refresh(): Promise<void> {
    const mine = ++this.#latest;
    window.clearTimeout(this.#timer);
    try {
      const connectors = await this.#load();
      if (mine !== this.#latest || this.#isClosed) return;
      const before = this.connectors ?? [];
      this.connectors = connectors;
      this.problem = null;
      this.#tellOfEnds(before, connectors);
    } catch (error) {
      if (!(error instanceof ProblemError)) throw error;
      if (mine !== this.#latest) return;
      // A collection is made by its first connector: until then it simply has none.
      if (error.problem.status === 404) this.connectors = [];
      else this.problem = error.problem;
    }
    this.#schedule();
  }

  async add(connector: NewConnector): Promise<void> {
    await addConnector(connector);
    await Promise.all([this.refresh(), library.refresh()]);
  }

  async change(connector: Connector, change: ConnectorChange): Promise<void> {
    await changeConnector(connector.id, change);
    await this.refresh();
  }

  async sync(connector: Connector, confirmDeletions = false): Promise<void> {
    await syncConnector(connector.id, confirmDeletions);
    await this.refresh();
  }

  async remove(connector: Connector, documents: 'keep' | 'delete'): Promise<void> {
    await removeConnector(connector.id, documents);
    await Promise.all([this.refresh(), library.refresh()]);
  }

  close(): void {
    this.#isClosed = true;
    window.clearTimeout(this.#timer);
  }

  #schedule(): void {
    window.clearTimeout(this.#timer);
    if (this.#isClosed) return;
    const wait = this.connectors?.some(isBusy) ? BUSY_POLL_MS : REST_POLL_MS;
    this.#timer = window.setTimeout(() => void this.refresh(), wait);
  }

  /** The problems of items come one connector at a time, so only those that have any are asked. */
  async #load(): Promise<ConnectorDetail[]> {
    const connectors = await listConnectors(this.#collection);
    const details = connectors.map((connector) =>
      connector.last_sync.failed ? detailOf(connector) : { ...connector, problems: [] },
    );
    return Promise.all(details);
  }

  #tellOfEnds(before: Connector[], now: Connector[]): void {
    const wasBusy = new Set(before.filter(isBusy).map((connector) => connector.id));
    const ended = now.filter((connector) => wasBusy.has(connector.id) && !isBusy(connector));
    if (!ended.length) return;
    const words = ended.map((connector) => `${connector.name}: ${t(`connector.state.${stateOf(connector)}`)}`);
    announcer.say(words.join('. '));
    void library.refresh();
  }
}

async function detailOf(connector: Connector): Promise<ConnectorDetail> {
  try {
    return await readConnector(connector.id);
  } catch (error) {
    // Removed since it was listed: the next list will be without it.
    if (error instanceof ProblemError && error.problem.status === 404) return { ...connector, problems: [] };
    throw error;
  }
}
