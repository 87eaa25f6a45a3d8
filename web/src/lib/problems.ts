/** What went wrong, as the API says it or as the browser found out by itself. */

import type { Problem } from './api-types';
import type { MessageKey } from './i18n';

export const OFFLINE = 'sourcebook:offline';
export const CONNECTION_LOST = 'sourcebook:connection-lost';

/** A request failed; `problem` says why. */
export class ProblemError extends Error {
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(problem.title);
    this.problem = problem;
  }
}

export function clientProblem(type: string): Problem {
  return { type, title: '', status: 0 };
}

/** The problem in a response that is not 2xx, whatever its body is. */
export function problemOf(status: number, body: string): Problem {
  const blank = { type: 'about:blank', title: '', status };
  try {
    const parsed: unknown = JSON.parse(body);
    if (typeof parsed !== 'object' || parsed === null) return blank;
    const told = parsed as Partial<Problem>;
    if (typeof told.title !== 'string') {
      return typeof told.detail === 'string' ? { ...blank, detail: told.detail } : blank;
    }
    return { ...blank, ...told };
  } catch {
    return blank;
  }
}

/** Title and detail to show: either words of the API or the key of a message of ours. */
export function problemWords(problem: Problem): { title: string | MessageKey; detail: string | MessageKey | null } {
  if (problem.type === OFFLINE) return { title: 'problem.offline.title', detail: 'problem.offline.detail' };
  if (problem.type === CONNECTION_LOST) return { title: 'problem.lost.title', detail: 'problem.lost.detail' };
  const detail = problem.detail ?? null;
  // Under these types the title is the status' name for programs; the detail is the sentence for people.
  if (detail && problem.type.startsWith('/problems/')) return { title: detail, detail: null };
  if (problem.title) return { title: problem.title, detail: detail === problem.title ? null : detail };
  if (problem.status === 404) return { title: 'problem.notFound.title', detail };
  if (problem.status === 413) return { title: 'problem.tooLarge.title', detail };
  return { title: 'problem.server.title', detail };
}
