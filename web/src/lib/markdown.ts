/** An answer's markdown as a tree that components draw; no HTML string is ever made. */

import { Marked, type Token, type Tokens } from 'marked';
import type { AnswerSentence, Support } from './api-types';
import { splitCitations } from './citations';

export type InlineNode =
  | { kind: 'text'; text: string }
  | { kind: 'code'; text: string }
  | { kind: 'break' }
  | { kind: 'citations'; numbers: number[] }
  | { kind: 'strong'; children: InlineNode[] }
  | { kind: 'emphasis'; children: InlineNode[] }
  | { kind: 'deleted'; children: InlineNode[] }
  | { kind: 'link'; href: string; children: InlineNode[] }
  | { kind: 'doubt'; support: Exclude<Support, 'supported'>; children: InlineNode[] };

export type BlockNode =
  | { kind: 'paragraph'; children: InlineNode[] }
  | { kind: 'heading'; level: number; children: InlineNode[] }
  | { kind: 'code'; text: string }
  | { kind: 'rule' }
  | { kind: 'quote'; blocks: BlockNode[] }
  | { kind: 'list'; start: number | null; items: BlockNode[][] }
  | { kind: 'table'; header: InlineNode[][]; rows: InlineNode[][][] };

export interface Reading {
  isKnownCitation: (n: number) => boolean;
  /** Links elsewhere are shown as text: an answer must not lead a reader out. */
  origin: string;
}

type Doubt = Exclude<Support, 'supported'>;

// Private-use characters that mark a doubtful sentence inside the text given to the lexer.
const DOUBT_START: Record<Doubt, string> = { weak: '\uE010', unsupported: '\uE011' };
const DOUBT_END = '\uE012';
const DOUBT_MARKS = /[\uE010-\uE012]/g;
const BLOCK_PREFIX = /^(?:\s|[-*+]\s|\d+[.)]\s|#{1,6}\s|>\s?)*/;

// `[1]: Handbook` at the end of an answer is a list of sources, not a link definition.
const marked = new Marked({ gfm: true, tokenizer: { def: () => undefined } });

/** Cuts an answer into pieces that can be read on their own, so that only the last one changes. */
export function splitBlocks(text: string): string[] {
  const blocks: string[] = [];
  let fence: string | null = null;
  let isOpen = false;
  for (const line of text.split('\n')) {
    const continues = isOpen || fence !== null || /^\s/.test(line);
    if (line.trim() === '' && fence === null) isOpen = false;
    else if (continues && blocks.length) {
      isOpen = true;
      blocks[blocks.length - 1] += '\n' + line;
    } else {
      isOpen = true;
      blocks.push(line);
    }
    if (line.trim() === '' && fence === null && blocks.length) blocks[blocks.length - 1] += '\n';
    const marker = /^\s{0,3}(`{3,}|~{3,})/.exec(line)?.[1];
    if (marker && fence === null) fence = marker;
    else if (marker && fence !== null && marker.startsWith(fence)) fence = null;
  }
  return blocks.map((block) => block.replace(/\n+$/, ''));
}

/** Puts marks around the sentences that their citations do not fully support. */
export function markDoubts(text: string, sentences: AnswerSentence[]): string {
  const clean = text.replace(DOUBT_MARKS, '');
  let result = '';
  let at = 0;
  for (const sentence of sentences) {
    const found = clean.indexOf(sentence.text, at);
    if (found < 0 || sentence.text === '') continue;
    const end = found + sentence.text.length;
    result += clean.slice(at, found);
    result += sentence.support === 'supported' ? sentence.text : doubted(sentence.text, sentence.support);
    at = end;
  }
  return result + clean.slice(at);
}

export function parseBlocks(markdown: string, reading: Reading): BlockNode[] {
  return marked.lexer(markdown).flatMap((token) => blockNode(token, reading));
}

/** The words alone, for the clipboard and for tests. */
export function plainText(nodes: InlineNode[]): string {
  return nodes
    .map((node) => {
      if (node.kind === 'text' || node.kind === 'code') return node.text;
      if (node.kind === 'citations') return node.numbers.map((n) => `[${n}]`).join('');
      return node.kind === 'break' ? '\n' : plainText(node.children);
    })
    .join('');
}

/** All words of a block, to tell its direction. */
export function blockWords(block: BlockNode): string {
  if ('children' in block) return plainText(block.children);
  if (block.kind === 'list') return block.items.flat().map(blockWords).join(' ');
  if (block.kind === 'quote') return block.blocks.map(blockWords).join(' ');
  if (block.kind === 'table') return [block.header, ...block.rows].flat().map(plainText).join(' ');
  return '';
}

function doubted(sentence: string, support: Doubt): string {
  const prefix = BLOCK_PREFIX.exec(sentence)?.[0] ?? '';
  return prefix + DOUBT_START[support] + sentence.slice(prefix.length) + DOUBT_END;
}

function blockNode(token: Token, reading: Reading): BlockNode[] {
  switch (token.type) {
    case 'space':
      return [];
    case 'heading':
      return [{ kind: 'heading', level: token.depth as number, children: inline(token.tokens, reading) }];
    case 'code':
      return [{ kind: 'code', text: (token.text as string).replace(DOUBT_MARKS, '') }];
    case 'hr':
      return [{ kind: 'rule' }];
    case 'blockquote':
      return [{ kind: 'quote', blocks: (token.tokens ?? []).flatMap((child) => blockNode(child, reading)) }];
    case 'list':
      return [listNode(token as Tokens.List, reading)];
    case 'table':
      return [tableNode(token as Tokens.Table, reading)];
    case 'paragraph':
    case 'text':
      return [{ kind: 'paragraph', children: inline(token.tokens ?? [token], reading) }];
    default:
      return [{ kind: 'paragraph', children: inline([literal(token.raw)], reading) }];
  }
}

function listNode(list: Tokens.List, reading: Reading): BlockNode {
  return {
    kind: 'list',
    start: list.ordered ? Number(list.start) || 1 : null,
    items: list.items.map((item) => item.tokens.flatMap((child) => blockNode(child, reading))),
  };
}

function tableNode(table: Tokens.Table, reading: Reading): BlockNode {
  return {
    kind: 'table',
    header: table.header.map((cell) => inline(cell.tokens, reading)),
    rows: table.rows.map((row) => row.map((cell) => inline(cell.tokens, reading))),
  };
}

function inline(tokens: Token[] | undefined, reading: Reading): InlineNode[] {
  return gatherDoubts((tokens ?? []).flatMap((token) => inlineNode(token, reading)));
}

function inlineNode(token: Token, reading: Reading): InlineNode[] {
  switch (token.type) {
    case 'codespan':
      return [{ kind: 'code', text: (token.text as string).replace(DOUBT_MARKS, '') }];
    case 'br':
      return [{ kind: 'break' }];
    case 'strong':
      return [{ kind: 'strong', children: inline(token.tokens, reading) }];
    case 'em':
      return [{ kind: 'emphasis', children: inline(token.tokens, reading) }];
    case 'del':
      return [{ kind: 'deleted', children: inline(token.tokens, reading) }];
    case 'link':
      return linkNode(token as Tokens.Link, reading);
    case 'image':
      return textNodes((token as Tokens.Image).text, reading);
    case 'text':
    case 'escape':
      return token.type === 'text' && token.tokens
        ? inline(token.tokens, reading)
        : textNodes(token.text as string, reading);
    default:
      return textNodes(token.raw, reading);
  }
}

function linkNode(link: Tokens.Link, reading: Reading): InlineNode[] {
  const children = inline(link.tokens, reading);
  const isHere = URL.canParse(link.href, reading.origin)
    ? new URL(link.href, reading.origin).origin === reading.origin
    : false;
  if (isHere) return [{ kind: 'link', href: link.href, children }];
  const shown = plainText(children);
  const address = link.href.replace(/^mailto:/, '');
  return shown === address ? children : [...children, { kind: 'text', text: ` (${address})` }];
}

/** Line breaks inside a paragraph are blanks, as markdown has it. */
function textNodes(text: string, reading: Reading): InlineNode[] {
  return splitCitations(text.replace(/\n/g, ' '), reading.isKnownCitation);
}

function literal(raw: string): Token {
  return { type: 'text', raw, text: raw } as Tokens.Text;
}

/** Turns the marks of `markDoubts` into nodes; marks without their other half are dropped. */
function gatherDoubts(nodes: InlineNode[]): InlineNode[] {
  const result: InlineNode[] = [];
  let open: { support: Doubt; children: InlineNode[] } | null = null;
  for (const node of nodes.flatMap(splitAtMarks)) {
    const mark = node.kind === 'text' ? node.text : '';
    if (mark === DOUBT_START.weak || mark === DOUBT_START.unsupported) {
      result.push(...(open?.children ?? []));
      open = { support: mark === DOUBT_START.weak ? 'weak' : 'unsupported', children: [] };
    } else if (mark === DOUBT_END) {
      if (open) result.push({ kind: 'doubt', ...open });
      open = null;
    } else (open?.children ?? result).push(node);
  }
  return [...result, ...(open?.children ?? [])];
}

function splitAtMarks(node: InlineNode): InlineNode[] {
  if (node.kind !== 'text') return [node];
  const pieces = node.text.split(/([\uE010-\uE012])/).filter((piece) => piece !== '');
  return pieces.map((text) => ({ kind: 'text', text }));
}
