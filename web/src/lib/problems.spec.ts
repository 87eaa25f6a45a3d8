import { describe, expect, it } from 'vitest';
import { CONNECTION_LOST, OFFLINE, clientProblem, problemOf, problemWords } from './problems';

describe('a failed request', () => {
  it('is told in the words of the API', () => {
    const body = '{"type":"x","title":"Request is not valid","status":422,"detail":"Ask something.","request_id":"req_1"}';
    const problem = problemOf(422, body);
    expect(problem.request_id).toBe('req_1');
    expect(problemWords(problem)).toEqual({ title: 'Request is not valid', detail: 'Ask something.' });
  });

  it('is told by its sentence alone where the title only names the status', () => {
    const body = '{"type":"/problems/conflict","title":"Conflict","status":409,"detail":"The name is taken."}';
    expect(problemWords(problemOf(409, body))).toEqual({ title: 'The name is taken.', detail: null });
  });

  it('has a title even when the body is not a problem', () => {
    for (const body of ['', '<html>', 'null', '"text"', '[1]']) {
      expect(problemWords(problemOf(502, body)).title).toBe('problem.server.title');
    }
    expect(problemWords(problemOf(404, '{"detail":"Not Found"}')).title).toBe('problem.notFound.title');
    expect(problemWords(problemOf(413, '')).title).toBe('problem.tooLarge.title');
  });

  it('does not say the same thing twice', () => {
    expect(problemWords({ type: 'x', title: 'Gone', detail: 'Gone', status: 410 }).detail).toBeNull();
  });

  it('is named when there was no response at all', () => {
    expect(problemWords(clientProblem(OFFLINE)).title).toBe('problem.offline.title');
    expect(problemWords(clientProblem(CONNECTION_LOST)).title).toBe('problem.lost.title');
  });
});
