import { describe, expect, it } from 'vitest';
import {
  NEW_ANSWER,
  citedSources,
  failAnswer,
  reduceAnswer,
  restoreAnswer,
  stopAnswer,
  uncitedSources,
  type AnswerState,
} from './answer';
import type { AnswerEvent, Source } from './api-types';

function source(id: string, changes: Partial<Source> = {}): Source {
  return {
    n: null,
    source_id: id,
    document_id: `doc_${id}`,
    document_version: 1,
    title: id,
    path: `${id}.md`,
    mime_type: 'text/markdown',
    url: '',
    page: null,
    section_path: [],
    table_header: '',
    location: [],
    quote: 'a long passage',
    score: 0.5,
    boxes: [],
    text_span: { start: 0, end: 100 },
    ...changes,
  };
}

const END: AnswerEvent = {
  type: 'message.end',
  seq: 9,
  finish_reason: 'stop',
  cited: [],
  sentences: [],
  followups: [],
  usage: { input_tokens: 0, output_tokens: 0 },
  timings_ms: {},
};

function after(...events: AnswerEvent[]): AnswerState {
  return events.reduce(reduceAnswer, NEW_ANSWER);
}

const RESULTS: AnswerEvent = { type: 'search.results', seq: 2, sources: [source('a'), source('b')] };
const DELTA: AnswerEvent = { type: 'answer.delta', seq: 3, delta: 'Twenty days' };
const CITATION: AnswerEvent = {
  type: 'citation',
  seq: 4,
  n: 1,
  source_id: 'b',
  start: 40,
  end: 60,
  quote: 'twenty days',
  boxes: [{ page: 3, x0: 0, y0: 0, x1: 1, y1: 0.1 }],
  location: ['Prices', 'Year: 2019 | Ducks: 120'],
};

describe('an answer', () => {
  it('goes from searching to writing to done', () => {
    expect(after().phase).toBe('searching');
    expect(after(RESULTS).phase).toBe('writing');
    expect(after(RESULTS, DELTA, END).phase).toBe('done');
  });

  it('joins its deltas in order', () => {
    const state = after(RESULTS, DELTA, { type: 'answer.delta', seq: 4, delta: ' [1].' });
    expect(state.text).toBe('Twenty days [1].');
  });

  it('narrows a cited source to the cited span, quote and page', () => {
    const [cited] = citedSources(after(RESULTS, CITATION));
    expect(cited).toMatchObject({ n: 1, title: 'b', quote: 'twenty days', page: 3 });
    expect(cited?.location).toEqual(['Prices', 'Year: 2019 | Ducks: 120']);
    expect(cited?.text_span).toEqual({ start: 40, end: 60 });
  });

  it('keeps the cited span when the final list names the whole passage', () => {
    const end = { ...END, cited: [source('b', { n: 1 }), source('a', { n: 2 })] };
    const cited = citedSources(after(RESULTS, CITATION, end));
    expect(cited.map((one) => [one.n, one.text_span.start])).toEqual([
      [1, 40],
      [2, 0],
    ]);
  });

  it('lists what was read and not cited', () => {
    expect(uncitedSources(after(RESULTS, CITATION)).map((one) => one.title)).toEqual(['a']);
  });

  it('ignores a citation of a source that was never found', () => {
    expect(citedSources(after(RESULTS, { ...CITATION, source_id: 'nowhere' }))).toEqual([]);
  });

  it('ignores unknown events and whatever follows the last one', () => {
    const unknown = { type: 'weather', seq: 5 } as unknown as AnswerEvent;
    expect(after(RESULTS, unknown)).toEqual(after(RESULTS));
    expect(after(RESULTS, END, DELTA).text).toBe('');
  });

  it('keeps what was written when it is stopped or fails', () => {
    const problem = { type: 'about:blank', title: 'Gone', status: 0 };
    expect(stopAnswer(after(RESULTS, DELTA))).toMatchObject({
      text: 'Twenty days',
      finishReason: 'stopped',
    });
    expect(failAnswer(after(RESULTS, DELTA), problem)).toMatchObject({
      text: 'Twenty days',
      phase: 'failed',
      problem,
    });
    expect(failAnswer(after(END), problem).phase).toBe('done');
  });
});

describe('an answer kept in the browser', () => {
  it('comes back as it was', () => {
    const state = after(RESULTS, CITATION, DELTA, END);
    expect(restoreAnswer(JSON.parse(JSON.stringify(state)) as AnswerState)).toEqual(state);
  });

  it('from before sources had a location takes the headings for it', () => {
    const { location: _, ...old } = source('a', { section_path: ['Leave', 'Annual leave'], n: 1 });
    const kept = { ...after(RESULTS, END), sources: [old], citations: { 1: old } } as unknown as AnswerState;
    const restored = restoreAnswer(kept);
    expect(restored.sources[0]?.location).toEqual(['Leave', 'Annual leave']);
    expect(restored.citations[1]?.location).toEqual(['Leave', 'Annual leave']);
  });
});
