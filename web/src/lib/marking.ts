/** A document's blocks as they are drawn, with the cited span marked. */

import type { Block, DocumentText } from './api-types';
import { CodePointText } from './code-points';

export interface Span {
  start: number;
  end: number;
}

export interface TextRun {
  text: string;
  isMarked: boolean;
}

export type DrawnBlock =
  | { kind: 'heading'; level: number; runs: TextRun[] }
  | { kind: 'paragraph' | 'code' | 'caption'; runs: TextRun[] }
  | { kind: 'list'; items: TextRun[][] }
  | { kind: 'table'; header: TextRun[][]; rows: TextRun[][][] };

const CELL_SEPARATOR = ' | ';

/** Neighbouring list items become one list; each block's characters are split into runs. */
export function drawBlocks(document: DocumentText, mark: Span | null): DrawnBlock[] {
  const text = new CodePointText(document.text);
  const drawn: DrawnBlock[] = [];
  for (const block of document.blocks) {
    const previous = drawn.at(-1);
    if (block.kind !== 'list_item') drawn.push(drawBlock(text, block, mark));
    else if (previous?.kind === 'list') previous.items.push(listItem(text, block, mark));
    else drawn.push({ kind: 'list', items: [listItem(text, block, mark)] });
  }
  return drawn;
}

/** Characters of `span` split where `mark` begins and ends. */
export function runsOf(text: CodePointText, span: Span, mark: Span | null): TextRun[] {
  const from = mark ? Math.min(Math.max(mark.start, span.start), span.end) : span.end;
  const to = mark ? Math.max(Math.min(mark.end, span.end), from) : span.end;
  const runs = [
    { text: text.slice(span.start, from), isMarked: false },
    { text: text.slice(from, to), isMarked: true },
    { text: text.slice(to, span.end), isMarked: false },
  ];
  return runs.filter((run) => run.text !== '');
}

function drawBlock(text: CodePointText, block: Block, mark: Span | null): DrawnBlock {
  if (block.kind === 'table' && block.rows.length) {
    const [header, ...rows] = block.rows.map((row) => cellsOf(text, row, mark));
    return { kind: 'table', header: header ?? [], rows };
  }
  const runs = runsOf(text, block, mark);
  if (block.kind === 'heading') return { kind: 'heading', level: block.level ?? 2, runs };
  return { kind: block.kind === 'code' || block.kind === 'caption' ? block.kind : 'paragraph', runs };
}

function cellsOf(text: CodePointText, row: [number, number], mark: Span | null): TextRun[][] {
  let start = row[0];
  return text
    .slice(row[0], row[1])
    .split(CELL_SEPARATOR)
    .map((cell) => {
      const end = start + [...cell].length;
      const runs = runsOf(text, { start, end }, mark);
      start = end + CELL_SEPARATOR.length;
      return runs;
    });
}

/** The page draws its own bullet, so one that stands in the text is left out. */
function listItem(text: CodePointText, block: Block, mark: Span | null): TextRun[] {
  const bullet = /^[-*•–]\s+/.exec(text.slice(block.start, block.end))?.[0].length ?? 0;
  return runsOf(text, { start: block.start + bullet, end: block.end }, mark);
}
