// What goes over the wire between an SDK and the server: a forwarding HTTP proxy that remembers
// requests and the first event of every stream, and can cut connections.

import { EventEmitter, once } from 'node:events';
import { createServer, request } from 'node:http';

export class Wire extends EventEmitter {
  /** Every exchange that got an answer: {path, headers, status, answerHeaders, firstEvent}. */
  exchanges = [];

  #target;
  #server;
  #open = new Set();

  /** Starts forwarding to `target` on a port of its own; emits `exchange` for each answer. */
  static async open(target) {
    const wire = new Wire();
    wire.forwardTo(target);
    wire.#server = createServer((incoming, outgoing) => wire.#forward(incoming, outgoing));
    wire.#server.listen(0, '127.0.0.1');
    await once(wire.#server, 'listening');
    return wire;
  }

  /** The address to give to an SDK. */
  get url() {
    return `http://127.0.0.1:${this.#server.address().port}`;
  }

  /** The streams asked for so far. */
  get streams() {
    return this.exchanges.filter(({ path }) => path.startsWith('/api/client/streaming'));
  }

  /** Forwards new requests to another server; those under way stay where they are. */
  forwardTo(target) {
    this.#target = new URL(target);
  }

  /** Cuts every connection, as a network would: without a word. */
  cut() {
    for (const outgoing of this.#open) outgoing.destroy();
  }

  /** Stops forwarding. */
  async close() {
    this.cut();
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, 'close');
  }

  #forward(incoming, outgoing) {
    this.#open.add(outgoing);
    const { hostname, port } = this.#target;
    const { method, url: path, headers } = incoming;
    const onward = request({ hostname, port, method, path, headers, agent: false }, (answer) => {
      this.#record({ path, headers }, answer);
      outgoing.writeHead(answer.statusCode, answer.headers);
      outgoing.flushHeaders();
      answer.on('error', () => outgoing.destroy()).pipe(outgoing);
    });
    onward.on('error', () => outgoing.destroy());
    outgoing.on('error', () => {}).on('close', () => {
      this.#open.delete(outgoing);
      onward.destroy();
    });
    incoming.pipe(onward);
  }

  #record({ path, headers }, answer) {
    const exchange = { path, headers, status: answer.statusCode, answerHeaders: answer.headers, firstEvent: '' };
    this.exchanges.push(exchange);
    this.emit('exchange', exchange);
    if (!/event-stream/.test(answer.headers['content-type'] ?? '')) return;
    const read = (chunk) => {
      exchange.firstEvent += chunk;
      const wholeEvent = exchange.firstEvent.split('\n\n').find((block) => /^data:/m.test(block));
      if (!exchange.firstEvent.endsWith('\n\n') || !wholeEvent) return;
      answer.off('data', read);
      exchange.firstEvent = wholeEvent;
      this.emit('exchange', exchange);
    };
    answer.on('data', read);
  }
}

/** The `events` array in the text of one server-sent event. */
export function deltasOf(eventText) {
  const data = eventText.split('\n').filter((line) => line.startsWith('data:'));
  return JSON.parse(data.map((line) => line.slice(5)).join('\n')).events;
}
