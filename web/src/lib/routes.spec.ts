import { describe, expect, it } from 'vitest';
import { collectionHref, connectorsHref, documentHref, parseRoute, placeOfDocument, type DocumentPlace } from './routes';

const PLACE: DocumentPlace = {
  documentId: 'doc_1',
  version: 2,
  span: { start: 10, end: 74 },
  page: 3,
  boxes: [
    { page: 3, x0: 0.12, y0: 0.1422, x1: 0.7, y1: 0.1599 },
    { page: 3, x0: 0.12, y0: 0.16, x1: 0.4, y1: 0.18 },
  ],
};

describe('addresses', () => {
  it('bring a passage back after a reload', () => {
    expect(parseRoute(documentHref(PLACE))).toEqual({ name: 'document', place: PLACE });
    const bare = placeOfDocument('doc_1');
    expect(parseRoute(documentHref(bare))).toEqual({ name: 'document', place: bare });
  });

  it('carry any collection name', () => {
    for (const name of ['HR 2026', 'a/b?c#d', 'سياسات', '100%']) {
      expect(parseRoute(collectionHref(name))).toEqual({ name: 'collection', collection: name });
      expect(parseRoute(connectorsHref(name))).toEqual({ name: 'connectors', collection: name });
    }
  });

  it('drop what makes no sense and keep the rest', () => {
    const route = parseRoute('#/d/doc_1?start=9&end=3&page=-1&boxes=1~0~0~2~2_x');
    expect(route).toEqual({
      name: 'document',
      place: placeOfDocument('doc_1'),
    });
  });

  it('lead to the question page when they name nothing', () => {
    for (const hash of ['', '#', '#/', '#/nowhere']) expect(parseRoute(hash)).toEqual({ name: 'ask' });
  });
});
