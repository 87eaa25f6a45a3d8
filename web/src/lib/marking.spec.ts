import { describe, expect, it } from 'vitest';
import type { Block, BlockKind, DocumentText } from './api-types';
import { drawBlocks, type DrawnBlock, type Span, type TextRun } from './marking';

type Piece = [BlockKind, string] | ['table', string[][]];

function documentOf(pieces: Piece[]): DocumentText {
  let text = '';
  const blocks: Block[] = [];
  for (const [kind, content] of pieces) {
    if (text) text += '\n\n';
    const start = [...text].length;
    const rows: [number, number][] = [];
    for (const [number, row] of (typeof content === 'string' ? [] : content).entries()) {
      const from = [...text].length + (number ? 1 : 0);
      text += (number ? '\n' : '') + row.join(' | ');
      rows.push([from, [...text].length]);
    }
    if (typeof content === 'string') text += content;
    blocks.push({ kind, start, end: [...text].length, level: null, page: null, rows });
  }
  return { document_id: 'd', version: 1, title: 't', media_type: 'text/markdown', pages: null, text, blocks };
}

function spanOf(document: DocumentText, quote: string): Span {
  const start = [...document.text.slice(0, document.text.indexOf(quote))].length;
  return { start, end: start + [...quote].length };
}

function runsIn(block: DrawnBlock): TextRun[] {
  if (block.kind === 'list') return block.items.flat();
  if (block.kind === 'table') return [block.header, ...block.rows].flat(2);
  return block.runs;
}

function marked(document: DocumentText, mark: Span | null): string[] {
  return drawBlocks(document, mark)
    .flatMap(runsIn)
    .filter((run) => run.isMarked)
    .map((run) => run.text);
}

const HANDBOOK = documentOf([
  ['heading', 'Leave 🌴'],
  ['paragraph', 'Everyone has twenty days. Ask early.'],
  ['list_item', '- sick leave'],
  ['list_item', 'parental leave'],
  ['table', [['Years', 'Days 📅'], ['1', '20'], ['5', '25']]],
  ['code', 'leave --days 20'],
]);

describe('drawing a document', () => {
  it('marks exactly the cited words, also after characters beyond the basic plane', () => {
    expect(marked(HANDBOOK, spanOf(HANDBOOK, 'twenty days'))).toEqual(['twenty days']);
    expect(marked(HANDBOOK, spanOf(HANDBOOK, 'leave --days'))).toEqual(['leave --days']);
  });

  it('marks a span that runs over several blocks in each of them', () => {
    const from = spanOf(HANDBOOK, 'Ask early.');
    const to = spanOf(HANDBOOK, 'sick leave');
    expect(marked(HANDBOOK, { start: from.start, end: to.end })).toEqual(['Ask early.', 'sick leave']);
  });

  it('marks nothing when there is no span', () => {
    expect(marked(HANDBOOK, null)).toEqual([]);
  });

  it('splits table rows into cells and marks within them', () => {
    const table = drawBlocks(HANDBOOK, spanOf(HANDBOOK, '5 | 25')).find((block) => block.kind === 'table');
    expect(table?.header.map((cell) => cell[0]?.text)).toEqual(['Years', 'Days 📅']);
    expect(table?.rows.map((row) => row.map((cell) => cell[0]))).toEqual([
      [
        { text: '1', isMarked: false },
        { text: '20', isMarked: false },
      ],
      [
        { text: '5', isMarked: true },
        { text: '25', isMarked: true },
      ],
    ]);
  });

  it('joins neighbouring list items and drops the bullet of the text', () => {
    const list = drawBlocks(HANDBOOK, null).find((block) => block.kind === 'list');
    expect(list?.items.map((runs) => runs[0]?.text)).toEqual(['sick leave', 'parental leave']);
  });
});
