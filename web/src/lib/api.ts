/** The API, one function per operation. Every failure is a `ProblemError`. */

import type { AnswerEvent, Collection, DocumentEvent, DocumentText, Page, SourceDocument } from './api-types';
import type { Connector, ConnectorChange, ConnectorDetail, NewConnector } from './connector-types';
import { CONNECTION_LOST, OFFLINE, ProblemError, clientProblem, problemOf } from './problems';
import { readServerSentEvents } from './sse';

const BASE = '/api/v1';

export const pageImageUrl = (documentId: string, page: number) =>
  `${BASE}/documents/${encodeURIComponent(documentId)}/pages/${page}`;

export const originalUrl = (documentId: string) => `${BASE}/documents/${encodeURIComponent(documentId)}/file`;

export const uploadUrl = `${BASE}/documents`;

export async function listCollections(): Promise<Collection[]> {
  const collections: Collection[] = [];
  let cursor: string | null = null;
  do {
    const query = new URLSearchParams({ limit: '100', ...(cursor ? { cursor } : {}) });
    const page: Page<Collection> = await getJson(`/collections?${query}`);
    collections.push(...page.data);
    cursor = page.has_more ? page.next_cursor : null;
  } while (cursor);
  return collections;
}

export function listDocuments(collection: string, cursor: string | null): Promise<Page<SourceDocument>> {
  const query = new URLSearchParams({ collection, limit: '100', ...(cursor ? { cursor } : {}) });
  return getJson(`/documents?${query}`);
}

export function readDocumentText(documentId: string): Promise<DocumentText> {
  return getJson(`/documents/${encodeURIComponent(documentId)}/text`);
}

export async function deleteDocument(documentId: string): Promise<void> {
  await request(`/documents/${encodeURIComponent(documentId)}`, { method: 'DELETE' });
}

export async function deleteCollection(collectionId: string): Promise<void> {
  await request(`/collections/${encodeURIComponent(collectionId)}`, { method: 'DELETE' });
}

export async function cancelDocument(documentId: string): Promise<void> {
  await request(`/documents/${encodeURIComponent(documentId)}/cancel`, { method: 'POST' });
}

export async function retryDocument(documentId: string): Promise<void> {
  await request(`/documents/${encodeURIComponent(documentId)}/retry`, { method: 'POST' });
}

export async function steerCollection(
  collectionId: string,
  verb: 'retry' | 'pause' | 'resume',
): Promise<void> {
  await request(`/collections/${encodeURIComponent(collectionId)}/${verb}`, { method: 'POST' });
}

export async function listConnectors(collection: string): Promise<Connector[]> {
  const page: Page<Connector> = await getJson(`/connectors?${new URLSearchParams({ collection })}`);
  return page.data;
}

export function readConnector(connectorId: string): Promise<ConnectorDetail> {
  return getJson(connectorPath(connectorId));
}

export async function addConnector(connector: NewConnector): Promise<void> {
  await sendJson('POST', '/connectors', connector);
}

export async function changeConnector(connectorId: string, change: ConnectorChange): Promise<void> {
  await sendJson('PATCH', connectorPath(connectorId), change);
}

export async function syncConnector(connectorId: string, confirmDeletions: boolean): Promise<void> {
  await sendJson('POST', `${connectorPath(connectorId)}/sync`, { confirm_deletions: confirmDeletions });
}

export async function removeConnector(connectorId: string, documents: 'keep' | 'delete'): Promise<void> {
  await request(`${connectorPath(connectorId)}?documents=${documents}`, { method: 'DELETE' });
}

const connectorPath = (connectorId: string) => `/connectors/${encodeURIComponent(connectorId)}`;

/** What happens to a collection's documents; the browser itself reconnects and goes on where it was. */
export function listenToDocuments(collection: string, onEvent: (event: DocumentEvent) => void): () => void {
  const source = new EventSource(`${BASE}/documents/events?${new URLSearchParams({ collection })}`);
  const take = (message: MessageEvent<string>) => onEvent(JSON.parse(message.data) as DocumentEvent);
  source.addEventListener('document.changed', take);
  source.addEventListener('document.deleted', take);
  return () => source.close();
}

/** The events of an answer; no collections named means all of them. */
export async function* streamAnswer(
  question: string,
  collections: string[],
  signal: AbortSignal,
): AsyncGenerator<AnswerEvent> {
  const response = await request('/answers', {
    method: 'POST',
    headers: { Accept: 'text/event-stream', 'Content-Type': 'application/json' },
    body: JSON.stringify({ question, ...(collections.length ? { collections } : {}) }),
    signal,
  });
  if (!response.body) throw new ProblemError(clientProblem(CONNECTION_LOST));
  try {
    for await (const event of readServerSentEvents(response.body)) {
      yield JSON.parse(event.data) as AnswerEvent;
    }
  } catch (error) {
    if (signal.aborted) throw error;
    throw new ProblemError(clientProblem(CONNECTION_LOST));
  }
}

async function getJson<T>(path: string): Promise<T> {
  const response = await request(path, { headers: { Accept: 'application/json' } });
  return (await response.json()) as T;
}

async function sendJson(method: 'POST' | 'PATCH', path: string, body: unknown): Promise<void> {
  await request(path, { method, headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) });
}

async function request(path: string, init: RequestInit): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(BASE + path, init);
  } catch (error) {
    if (init.signal?.aborted) throw error;
    throw new ProblemError(clientProblem(OFFLINE));
  }
  if (!response.ok) throw new ProblemError(problemOf(response.status, await response.text()));
  return response;
}
