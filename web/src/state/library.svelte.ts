import {
  cancelDocument,
  deleteCollection,
  deleteDocument,
  listCollections,
  listDocuments,
  listenToDocuments,
  retryDocument,
  steerCollection,
} from '../lib/api';
import type { Collection, DocumentEvent, DocumentStatus, Problem, SourceDocument } from '../lib/api-types';
import { ProblemError } from '../lib/problems';

const FINAL: ReadonlySet<DocumentStatus> = new Set([
  'ready',
  'ready_with_warnings',
  'failed',
  'unsupported',
  'duplicate',
  'cancelled',
  'deleted',
]);
const RETRYABLE: ReadonlySet<DocumentStatus> = new Set(['failed', 'unsupported', 'duplicate', 'cancelled']);
/** Events bring changes at once; asking again covers what no event tells, such as a stall. */
const POLL_MS = 15_000;
const SETTLE_MS = 300;

export function isFinal(status: DocumentStatus): boolean {
  return FINAL.has(status);
}

export function isRetryable(status: DocumentStatus): boolean {
  return RETRYABLE.has(status);
}

class Library {
  /** `null` until the first list has arrived. */
  collections: Collection[] | null = $state.raw(null);
  problem: Problem | null = $state.raw(null);
  /** Collections to ask; none means all. */
  scope: string[] = $state([]);

  get isEmpty(): boolean {
    return this.collections !== null && this.collections.every((collection) => collection.documents === 0);
  }

  async refresh(): Promise<void> {
    try {
      const collections = await listCollections();
      this.collections = collections;
      this.problem = null;
      this.scope = this.scope.filter((name) => collections.some((collection) => collection.name === name));
    } catch (error) {
      if (!(error instanceof ProblemError)) throw error;
      this.problem = error.problem;
    }
  }

  async deleteCollection(collection: Collection): Promise<void> {
    await deleteCollection(collection.id);
    await this.refresh();
  }

  async steer(collection: Collection, verb: 'retry' | 'pause' | 'resume'): Promise<void> {
    await steerCollection(collection.id, verb);
    await this.refresh();
  }
}

export const library = new Library();

/** The documents of one collection, as they are now. */
export class DocumentList {
  documents: SourceDocument[] | null = $state.raw(null);
  problem: Problem | null = $state.raw(null);
  hasMore = $state(false);
  readonly #collection: string;
  #pages = 1;
  #timer: number | undefined;
  #isClosed = false;
  #latest = 0;
  #stopListening: (() => void) | null = null;

  constructor(collection: string) {
    this.#collection = collection;
  }

  /** Loads and keeps up to date until `close`. */
  async refresh(): Promise<void> {
    const mine = ++this.#latest;
    window.clearTimeout(this.#timer);
    try {
      const documents = await this.#load();
      if (mine !== this.#latest || this.#isClosed) return;
      this.documents = documents;
      this.problem = null;
      this.#stopListening ??= listenToDocuments(this.#collection, (event) => this.#take(event));
    } catch (error) {
      if (!(error instanceof ProblemError)) throw error;
      if (mine !== this.#latest) return;
      // A collection is made by its first upload: until then it is simply empty.
      if (error.problem.status === 404) this.documents = [];
      else this.problem = error.problem;
    }
    this.#schedule();
  }

  async loadMore(): Promise<void> {
    this.#pages += 1;
    await this.refresh();
  }

  async cancel(document: SourceDocument): Promise<void> {
    await cancelDocument(document.id);
    await this.refresh();
  }

  async retry(document: SourceDocument): Promise<void> {
    await retryDocument(document.id);
    await this.refresh();
  }

  async delete(document: SourceDocument): Promise<void> {
    await deleteDocument(document.id);
    await Promise.all([this.refresh(), library.refresh()]);
  }

  close(): void {
    this.#isClosed = true;
    this.#stopListening?.();
    window.clearTimeout(this.#timer);
  }

  #take(event: DocumentEvent): void {
    const documents = this.documents ?? [];
    if (event.type === 'document.deleted') {
      this.documents = documents.filter((one) => one.id !== event.document_id);
    } else if (documents.some((one) => one.id === event.document.id)) {
      this.documents = documents.map((one) => (one.id === event.document.id ? event.document : one));
    } else {
      // Its place in the list is the server's to say; many may be new at once.
      this.#schedule(SETTLE_MS);
    }
  }

  #schedule(wait: number = POLL_MS): void {
    window.clearTimeout(this.#timer);
    if (!this.#isClosed) this.#timer = window.setTimeout(() => void this.refresh(), wait);
  }

  async #load(): Promise<SourceDocument[]> {
    const documents: SourceDocument[] = [];
    let cursor: string | null = null;
    for (let page = 0; page < this.#pages; page++) {
      const list = await listDocuments(this.#collection, cursor);
      documents.push(...list.data.filter((document) => document.status !== 'deleted'));
      cursor = list.has_more ? list.next_cursor : null;
      this.hasMore = cursor !== null;
      if (!cursor) break;
    }
    return documents;
  }
}
