import { deleteCollection, deleteDocument, listCollections, listDocuments } from '../lib/api';
import type { Collection, DocumentStatus, Problem, SourceDocument } from '../lib/api-types';
import { ProblemError } from '../lib/problems';

const FINAL: ReadonlySet<DocumentStatus> = new Set(['ready', 'ready_with_warnings', 'failed', 'deleted']);
const POLL_WORKING_MS = 1000;
const POLL_IDLE_MS = 15_000;

export function isFinal(status: DocumentStatus): boolean {
  return FINAL.has(status);
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
}

export const library = new Library();

/** The documents of one collection, asked for again until each stands at its end. */
export class DocumentList {
  documents: SourceDocument[] | null = $state.raw(null);
  problem: Problem | null = $state.raw(null);
  hasMore = $state(false);
  readonly #collection: string;
  #pages = 1;
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
      const documents = await this.#load();
      if (mine !== this.#latest || this.#isClosed) return;
      this.documents = documents;
      this.problem = null;
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

  async delete(document: SourceDocument): Promise<void> {
    await deleteDocument(document.id);
    await Promise.all([this.refresh(), library.refresh()]);
  }

  close(): void {
    this.#isClosed = true;
    window.clearTimeout(this.#timer);
  }

  #schedule(): void {
    if (this.#isClosed) return;
    const isWorking = this.documents?.some((document) => !isFinal(document.status)) ?? false;
    const wait = isWorking ? POLL_WORKING_MS : POLL_IDLE_MS;
    this.#timer = window.setTimeout(() => void this.refresh(), wait);
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
