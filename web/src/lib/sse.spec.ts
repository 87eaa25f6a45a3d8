import { describe, expect, it } from 'vitest';
import { ServerSentEventParser, type ServerSentEvent } from './sse';

const STREAM =
  ': ping\n\nid: 1\nevent: answer.delta\ndata: {"delta":"été 🙂"}\n\nid: 2\nevent: note\ndata: one\ndata: two\n\n';

function parse(pieces: string[]): ServerSentEvent[] {
  const parser = new ServerSentEventParser();
  return pieces.flatMap((piece) => parser.push(piece));
}

describe('server-sent events', () => {
  const whole = [
    { id: '1', event: 'answer.delta', data: '{"delta":"été 🙂"}' },
    { id: '2', event: 'note', data: 'one\ntwo' },
  ];

  it('gives the same events wherever the stream is cut', () => {
    for (let cut = 0; cut <= STREAM.length; cut++) {
      expect(parse([STREAM.slice(0, cut), STREAM.slice(cut)])).toEqual(whole);
    }
    expect(parse([...STREAM])).toEqual(whole);
  });

  it('reads CRLF and lone CR line ends, however they are cut', () => {
    for (const ending of ['\r\n', '\r']) {
      const stream = STREAM.replaceAll('\n', ending) + '\n';
      expect(parse([...stream])).toEqual(whole);
    }
  });

  it('skips comments and gives nothing for an event without data', () => {
    expect(parse([': ping\n\n', 'event: empty\n\n'])).toEqual([]);
  });

  it('drops an event that the connection cut short', () => {
    expect(parse(['event: answer.delta\ndata: {"delta":"x"}\n'])).toEqual([]);
  });

  it('keeps the last id for events that name none', () => {
    expect(parse(['id: 7\ndata: a\n\ndata: b\n\n']).map((event) => event.id)).toEqual(['7', '7']);
  });
});
