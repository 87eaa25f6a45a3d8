/** Server-sent events as the HTML standard defines them, read from a fetch body. */

export interface ServerSentEvent {
  id: string;
  event: string;
  data: string;
}

/** Fed with text in pieces of any size, gives back each event once it is complete. */
export class ServerSentEventParser {
  #rest = '';
  #id = '';
  #event = '';
  #data: string[] = [];
  #started = false;

  push(text: string): ServerSentEvent[] {
    let input = this.#rest + text;
    if (!this.#started && input !== '') {
      this.#started = true;
      if (input.startsWith('\uFEFF')) input = input.slice(1);
    }
    // A carriage return at the very end may be half of CRLF: it waits for what follows.
    const held = input.endsWith('\r') ? '\r' : '';
    const lines = (held ? input.slice(0, -1) : input).split(/\r\n|\n|\r/);
    this.#rest = (lines.pop() ?? '') + held;
    const events: ServerSentEvent[] = [];
    for (const line of lines) {
      const event = this.#take(line);
      if (event) events.push(event);
    }
    return events;
  }

  #take(line: string): ServerSentEvent | null {
    if (line === '') return this.#dispatch();
    if (line.startsWith(':')) return null;
    const colon = line.indexOf(':');
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (field === 'event') this.#event = value;
    else if (field === 'data') this.#data.push(value);
    else if (field === 'id' && !value.includes('\0')) this.#id = value;
    return null;
  }

  #dispatch(): ServerSentEvent | null {
    const data = this.#data;
    const event = this.#event || 'message';
    this.#data = [];
    this.#event = '';
    return data.length ? { id: this.#id, event, data: data.join('\n') } : null;
  }
}

export async function* readServerSentEvents(
  body: ReadableStream<Uint8Array>,
): AsyncGenerator<ServerSentEvent> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  const parser = new ServerSentEventParser();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield* parser.push(decoder.decode(value, { stream: true }));
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}
