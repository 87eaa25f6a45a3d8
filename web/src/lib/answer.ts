/** The state of one answer while its events arrive. Pure: the old state is never changed. */

import type {
  AnswerEvent,
  AnswerSentence,
  CitationMade,
  FinishReason,
  Problem,
  Source,
} from './api-types';

export type Phase = 'searching' | 'writing' | 'done' | 'failed';

export interface AnswerState {
  phase: Phase;
  text: string;
  queries: string[];
  sources: Source[];
  /** Citations by the number that stands in the text. */
  citations: Record<number, Source>;
  sentences: AnswerSentence[];
  followups: string[];
  finishReason: FinishReason | null;
  problem: Problem | null;
  model: string;
  timingsMs: Record<string, number>;
}

export const NEW_ANSWER: AnswerState = {
  phase: 'searching',
  text: '',
  queries: [],
  sources: [],
  citations: {},
  sentences: [],
  followups: [],
  finishReason: null,
  problem: null,
  model: '',
  timingsMs: {},
};

export function isFinished(state: AnswerState): boolean {
  return state.phase === 'done' || state.phase === 'failed';
}

/** An answer as an earlier version of this page may have kept it: its sources did not name their location. */
export function restoreAnswer(kept: AnswerState): AnswerState {
  const located = (source: Source): Source => ({ ...source, location: source.location ?? source.section_path ?? [] });
  const citations = Object.entries(kept.citations).map(([n, source]) => [n, located(source)]);
  return { ...kept, sources: kept.sources.map(located), citations: Object.fromEntries(citations) };
}

/** The state after `event`; events of unknown type, or after the last one, change nothing. */
export function reduceAnswer(state: AnswerState, event: AnswerEvent): AnswerState {
  if (isFinished(state)) return state;
  switch (event.type) {
    case 'message.start':
      return { ...state, model: event.model };
    case 'search.start':
      return { ...state, queries: event.queries };
    case 'search.results':
      return { ...state, phase: 'writing', sources: event.sources };
    case 'answer.delta':
      return { ...state, phase: 'writing', text: state.text + event.delta };
    case 'citation':
      return { ...state, citations: withCitation(state, event) };
    case 'message.end':
      return {
        ...state,
        phase: 'done',
        citations: withCitedSources(state.citations, event.cited),
        sentences: event.sentences,
        followups: event.followups,
        finishReason: event.finish_reason,
        timingsMs: event.timings_ms,
      };
    case 'error':
      return { ...state, phase: 'failed', problem: event.problem };
    default:
      return state;
  }
}

/** The reader pressed Stop: what has been written so far stays. */
export function stopAnswer(state: AnswerState): AnswerState {
  return isFinished(state) ? state : { ...state, phase: 'done', finishReason: 'stopped' };
}

export function failAnswer(state: AnswerState, problem: Problem): AnswerState {
  return isFinished(state) ? state : { ...state, phase: 'failed', problem };
}

export function citedSources(state: AnswerState): Source[] {
  return Object.values(state.citations).sort((a, b) => (a.n ?? 0) - (b.n ?? 0));
}

/** Sources that were read and not cited. */
export function uncitedSources(state: AnswerState): Source[] {
  const cited = new Set(citedSources(state).map((source) => source.source_id));
  return state.sources.filter((source) => !cited.has(source.source_id));
}

function withCitation(state: AnswerState, event: CitationMade): Record<number, Source> {
  const source = state.sources.find((candidate) => candidate.source_id === event.source_id);
  if (!source || state.citations[event.n]) return state.citations;
  const cited: Source = {
    ...source,
    n: event.n,
    quote: event.quote,
    boxes: event.boxes,
    location: event.location,
    page: event.boxes[0]?.page ?? source.page,
    text_span: { start: event.start, end: event.end },
  };
  return { ...state.citations, [event.n]: cited };
}

/** The final list completes what the stream told; it never takes a finer span away. */
function withCitedSources(
  citations: Record<number, Source>,
  cited: Source[],
): Record<number, Source> {
  const missing = cited.filter((source) => source.n !== null && !citations[source.n]);
  return { ...citations, ...Object.fromEntries(missing.map((source) => [source.n, source])) };
}
