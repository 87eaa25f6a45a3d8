/** What the address after `#` says. */

import type { Box, Source } from './api-types';
import type { Span } from './marking';

export interface DocumentPlace {
  documentId: string;
  /** The version that was cited, so that a later change can be told. */
  version: number | null;
  span: Span | null;
  page: number | null;
  boxes: Box[];
}

export type Route =
  | { name: 'ask' }
  | { name: 'library' }
  | { name: 'collection'; collection: string }
  | { name: 'connectors'; collection: string }
  | { name: 'document'; place: DocumentPlace };

export function parseRoute(hash: string): Route {
  const [path = '', query = ''] = hash.replace(/^#\/?/, '').split('?', 2);
  const [first, second, third] = path.split('/', 3).map(decoded);
  if (first === 'd' && second) return { name: 'document', place: parsePlace(second, query) };
  if (first === 'library' && second && third === 'connectors') return { name: 'connectors', collection: second };
  if (first === 'library' && second) return { name: 'collection', collection: second };
  if (first === 'library') return { name: 'library' };
  return { name: 'ask' };
}

export function collectionHref(name: string): string {
  return `#/library/${encodeURIComponent(name)}`;
}

export function connectorsHref(collection: string): string {
  return `${collectionHref(collection)}/connectors`;
}

/** A whole document, nothing marked. */
export function placeOfDocument(documentId: string): DocumentPlace {
  return { documentId, version: null, span: null, page: null, boxes: [] };
}

export function placeOfSource(source: Source): DocumentPlace {
  return {
    documentId: source.document_id,
    version: source.document_version,
    span: source.text_span.end > source.text_span.start ? source.text_span : null,
    page: source.page,
    boxes: source.boxes,
  };
}

/** The link holds all that the panel needs, so it can be reloaded or sent to someone. */
export function documentHref(place: DocumentPlace): string {
  const query = new URLSearchParams();
  if (place.version !== null) query.set('v', String(place.version));
  if (place.span) {
    query.set('start', String(place.span.start));
    query.set('end', String(place.span.end));
  }
  if (place.page !== null) query.set('page', String(place.page));
  if (place.boxes.length) query.set('boxes', place.boxes.map(formatBox).join('_'));
  return `#/d/${encodeURIComponent(place.documentId)}${query.size ? '?' : ''}${query}`;
}

function parsePlace(documentId: string, query: string): DocumentPlace {
  const values = new URLSearchParams(query);
  const start = wholeNumber(values.get('start'));
  const end = wholeNumber(values.get('end'));
  const boxes = (values.get('boxes') ?? '').split('_').map(parseBox);
  return {
    documentId,
    version: wholeNumber(values.get('v')),
    span: start !== null && end !== null && end > start ? { start, end } : null,
    page: wholeNumber(values.get('page')) || null,
    boxes: boxes.filter((box) => box !== null),
  };
}

function formatBox(box: Box): string {
  return [box.page, ...[box.x0, box.y0, box.x1, box.y1].map((edge) => +edge.toFixed(4))].join('~');
}

function parseBox(written: string): Box | null {
  const [page, x0, y0, x1, y1] = written.split('~').map(Number);
  if (page === undefined || x0 === undefined || y0 === undefined || x1 === undefined || y1 === undefined) {
    return null;
  }
  const isOnPage = page >= 1 && x0 >= 0 && y0 >= 0 && x0 < x1 && x1 <= 1 && y0 < y1 && y1 <= 1;
  return isOnPage ? { page, x0, y0, x1, y1 } : null;
}

function wholeNumber(written: string | null): number | null {
  return written !== null && /^\d{1,9}$/.test(written) ? Number(written) : null;
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
