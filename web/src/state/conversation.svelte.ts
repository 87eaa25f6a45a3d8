import {
  NEW_ANSWER,
  citedSources,
  failAnswer,
  isFinished,
  reduceAnswer,
  restoreAnswer,
  stopAnswer,
  type AnswerState,
} from '../lib/answer';
import { streamAnswer } from '../lib/api';
import type { AnswerEvent } from '../lib/api-types';
import { CONNECTION_LOST, ProblemError, clientProblem } from '../lib/problems';
import { announcer } from './announcer.svelte';
import { t } from './preferences.svelte';
import { readStored, writeStored } from './stored';

export interface Turn {
  id: number;
  question: string;
  collections: string[];
  answer: AnswerState;
}

const STORED_KEY = 'sourcebook.turns';
const TURNS_KEPT = 50;
// Drawing twenty times a second looks fluent and leaves the processor free.
const DRAW_EVERY_MS = 50;
const session = () => sessionStorage;

function storedTurns(): Turn[] {
  try {
    const turns = JSON.parse(readStored(session, STORED_KEY) ?? '[]') as Turn[];
    const finished = turns.filter((turn) => isFinished(turn.answer));
    return finished.map((turn) => ({ ...turn, answer: restoreAnswer(turn.answer) }));
  } catch {
    return [];
  }
}

class Conversation {
  turns: Turn[] = $state.raw(storedTurns());
  #running: AbortController | null = $state.raw(null);

  get isAnswering(): boolean {
    return this.#running !== null;
  }

  /** Asks as a new turn and resolves when its answer is complete, stopped or failed. */
  async ask(question: string, collections: string[]): Promise<void> {
    const id = (this.turns.at(-1)?.id ?? 0) + 1;
    this.turns = [...this.turns, { id, question, collections, answer: NEW_ANSWER }];
    await this.#answer(id, question, collections);
  }

  async retry(turn: Turn): Promise<void> {
    this.#update(turn.id, () => NEW_ANSWER);
    await this.#answer(turn.id, turn.question, turn.collections);
  }

  stop(): void {
    this.#running?.abort();
  }

  async #answer(id: number, question: string, collections: string[]): Promise<void> {
    this.stop();
    const running = (this.#running = new AbortController());
    announcer.say(t('answer.searching'));
    const buffer = new EventBuffer((events) => {
      this.#update(id, (answer) => events.reduce(reduceAnswer, answer));
    });
    try {
      for await (const event of streamAnswer(question, collections, running.signal)) {
        buffer.add(event);
        if (event.type === 'search.results') {
          announcer.say(t('answer.reading', { count: event.sources.length }));
        }
      }
      buffer.flush();
      this.#update(id, (answer) => failAnswer(answer, clientProblem(CONNECTION_LOST)));
    } catch (error) {
      buffer.flush();
      if (running.signal.aborted) this.#update(id, stopAnswer);
      else if (error instanceof ProblemError) {
        this.#update(id, (answer) => failAnswer(answer, error.problem));
      } else throw error;
    } finally {
      if (this.#running === running) this.#running = null;
      this.#finish(id);
    }
  }

  #finish(id: number): void {
    const answer = this.turns.find((turn) => turn.id === id)?.answer;
    if (answer) announcer.say(closingWords(answer));
    writeStored(session, STORED_KEY, JSON.stringify(this.turns.slice(-TURNS_KEPT)));
  }

  #update(id: number, change: (answer: AnswerState) => AnswerState): void {
    this.turns = this.turns.map((turn) => (turn.id === id ? { ...turn, answer: change(turn.answer) } : turn));
  }
}

/** Gathers the events that arrive between two drawings. */
class EventBuffer {
  #events: AnswerEvent[] = [];
  #timer: number | undefined;
  readonly #draw: (events: AnswerEvent[]) => void;

  constructor(draw: (events: AnswerEvent[]) => void) {
    this.#draw = draw;
  }

  add(event: AnswerEvent): void {
    this.#events.push(event);
    this.#timer ??= window.setTimeout(() => this.flush(), DRAW_EVERY_MS);
  }

  flush(): void {
    window.clearTimeout(this.#timer);
    this.#timer = undefined;
    const events = this.#events;
    this.#events = [];
    if (events.length) this.#draw(events);
  }
}

function closingWords(answer: AnswerState): string {
  if (answer.phase === 'failed') return t('answer.failed');
  if (answer.finishReason === 'stopped') return t('answer.stopped');
  if (answer.finishReason === 'no_evidence') return t('answer.none.title');
  const count = citedSources(answer).length;
  return count ? t('answer.ready', { count }) : t('answer.readyWithoutSources');
}

export const conversation = new Conversation();
