import { uploadUrl } from '../lib/api';
import type { Problem } from '../lib/api-types';
import type { PathFile } from '../lib/dropped-files';
import { OFFLINE, clientProblem, problemOf } from '../lib/problems';
import { announcer } from './announcer.svelte';
import { library } from './library.svelte';
import { t } from './preferences.svelte';

export interface Upload {
  readonly id: number;
  readonly collection: string;
  readonly path: string;
  readonly file: File;
  /** Part of many: what somebody sends beside it goes first. */
  readonly isBulk: boolean;
  state: 'waiting' | 'sending' | 'storing' | 'failed';
  /** 0 to 1. */
  sent: number;
  problem: Problem | null;
}

const PARALLEL = 3;
const SMALL_UPLOAD = 10;

/** Files on their way to the server. What has arrived leaves this list: the server tells of it from then on. */
class Uploads {
  items: Upload[] = $state([]);
  /** Counts up with every file that has arrived, so that lists can ask for it. */
  received = $state(0);
  readonly #requests = new Map<number, XMLHttpRequest>();
  #lastId = 0;

  get isBusy(): boolean {
    return this.items.some((item) => item.state !== 'failed');
  }

  of(collection: string): Upload[] {
    return this.items.filter((item) => item.collection === collection);
  }

  add(collection: string, files: PathFile[]): void {
    const isBulk = files.length > SMALL_UPLOAD;
    for (const { file, path } of files) {
      const id = ++this.#lastId;
      this.items.push({ id, collection, path, file, isBulk, state: 'waiting', sent: 0, problem: null });
    }
    this.#startNext();
  }

  retry(item: Upload): void {
    Object.assign(item, { state: 'waiting', sent: 0, problem: null });
    this.#startNext();
  }

  remove(item: Upload): void {
    this.#requests.get(item.id)?.abort();
    this.#requests.delete(item.id);
    this.items = this.items.filter((other) => other.id !== item.id);
    this.#startNext();
  }

  #startNext(): void {
    for (const item of this.items) {
      if (this.#requests.size >= PARALLEL) return;
      if (item.state === 'waiting') this.#send(item);
    }
  }

  #send(item: Upload): void {
    const request = new XMLHttpRequest();
    this.#requests.set(item.id, request);
    item.state = 'sending';
    request.upload.onprogress = (event) => {
      if (event.lengthComputable) item.sent = event.loaded / event.total;
    };
    request.upload.onload = () => (item.state = 'storing');
    request.onload = () => this.#arrived(item, request);
    request.onerror = () => this.#failed(item, clientProblem(OFFLINE));
    request.open('POST', uploadUrl);
    const form = new FormData();
    form.append('collection', item.collection);
    form.append('is_bulk', String(item.isBulk));
    form.append('files', item.file, item.path);
    request.send(form);
  }

  #arrived(item: Upload, request: XMLHttpRequest): void {
    if (request.status < 200 || request.status > 299) {
      this.#failed(item, problemOf(request.status, request.responseText));
      return;
    }
    this.received += 1;
    announcer.say(t('upload.received', { count: this.received }));
    this.remove(item);
    void library.refresh();
  }

  #failed(item: Upload, problem: Problem): void {
    this.#requests.delete(item.id);
    Object.assign(item, { state: 'failed', problem });
    announcer.say(`${item.path}: ${problem.title || t('problem.offline.title')}`);
    this.#startNext();
  }
}

export const uploads = new Uploads();
