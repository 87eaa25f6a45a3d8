/** Shapes of the API under /api/v1. Offsets count Unicode code points. */

export interface Page<T> {
  data: T[];
  next_cursor: string | null;
  has_more: boolean;
}

/** RFC 9457 problem details. */
export interface Problem {
  type: string;
  title: string;
  status: number;
  detail?: string;
  instance?: string;
  request_id?: string;
}

export interface Collection {
  id: string;
  name: string;
  documents: number;
  /** New documents wait until somebody resumes it. */
  is_paused: boolean;
  created_at: string;
}

export type DocumentStatus =
  | 'queued'
  | 'uploading'
  | 'parsing'
  | 'ocr'
  | 'chunking'
  | 'embedding'
  | 'indexing'
  | 'ready'
  | 'ready_with_warnings'
  | 'failed'
  | 'unsupported'
  | 'duplicate'
  | 'cancelled'
  | 'deleted';

export interface Progress {
  chunks_done: number;
  /** `null` until the text is cut into passages. */
  chunks_total: number | null;
  eta_seconds: number | null;
}

export interface Reason {
  code: string;
  title: string;
  detail: string;
  action: string;
  retryable: boolean;
  stage: string;
  attempt: number;
  at: string;
}

export interface SourceDocument {
  id: string;
  collection: string;
  path: string;
  title: string;
  media_type: string;
  size_bytes: number;
  status: DocumentStatus;
  reason: Reason | null;
  warnings: string[];
  progress: Progress;
  /** Without a step for suspiciously long. */
  is_stalled: boolean;
  pages: number | null;
  chunks: number;
  version: number;
  created_at: string;
  updated_at: string;
}

export type DocumentEvent =
  | { type: 'document.changed'; document: SourceDocument }
  | { type: 'document.deleted'; document_id: string; collection: string };

export type BlockKind = 'heading' | 'paragraph' | 'list_item' | 'table' | 'code' | 'caption';

export interface Block {
  kind: BlockKind;
  start: number;
  end: number;
  level: number | null;
  page: number | null;
  rows: [number, number][];
}

export interface DocumentText {
  document_id: string;
  version: number;
  title: string;
  media_type: string;
  pages: number | null;
  text: string;
  blocks: Block[];
}

/** Fractions 0 to 1 of the displayed page, origin top left; pages count from 1. */
export interface Box {
  page: number;
  x0: number;
  y0: number;
  x1: number;
  y1: number;
}

export interface Source {
  n: number | null;
  source_id: string;
  document_id: string;
  document_version: number;
  title: string;
  path: string;
  mime_type: string;
  url: string;
  page: number | null;
  section_path: string[];
  /** Header row of the table that the quote continues, else empty. */
  table_header: string;
  /** Headings or sheet above the quote; of a cited table row also the row, by column. */
  location: string[];
  quote: string;
  score: number;
  boxes: Box[];
  text_span: { start: number; end: number };
}

export type Support = 'supported' | 'weak' | 'unsupported';

export interface AnswerSentence {
  text: string;
  citations: number[];
  support: Support;
}

export type FinishReason = 'stop' | 'length' | 'stopped' | 'no_evidence' | 'content_filter';

export interface MessageStart {
  type: 'message.start';
  seq: number;
  message_id: string;
  conversation_id: string;
  model: string;
  created_at: string;
}

export interface SearchStart {
  type: 'search.start';
  seq: number;
  queries: string[];
}

export interface SearchResults {
  type: 'search.results';
  seq: number;
  sources: Source[];
}

export interface AnswerDelta {
  type: 'answer.delta';
  seq: number;
  delta: string;
}

export interface CitationMade {
  type: 'citation';
  seq: number;
  n: number;
  source_id: string;
  start: number;
  end: number;
  quote: string;
  boxes: Box[];
  location: string[];
}

export interface MessageEnd {
  type: 'message.end';
  seq: number;
  finish_reason: FinishReason;
  cited: Source[];
  sentences: AnswerSentence[];
  followups: string[];
  usage: { input_tokens: number; output_tokens: number };
  timings_ms: Record<string, number>;
}

export interface AnswerError {
  type: 'error';
  seq: number;
  problem: Problem;
}

export type AnswerEvent =
  | MessageStart
  | SearchStart
  | SearchResults
  | AnswerDelta
  | CitationMade
  | MessageEnd
  | AnswerError;
