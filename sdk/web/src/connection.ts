import { parser, type Block } from './sse.js';
import type { Ask, Connect, Position, Sink, Timing } from './types.js';

export const defaultTiming: Timing = {
  poll: 30_000, retry: 1_000, retryMax: 30_000, open: 8_000, idle: 60_000, climb: 60_000, hidden: 60_000, metrics: 30_000,
};

/** Answers that say that there will be no stream for now; whatever else goes wrong is tried again. */
const refusals = [401, 403, 404, 405, 406, 429, 501];

/** Failures in a row after which the client polls. */
const patience = 3;

/** Clients that lost the same server come back at different moments. */
const jitter = (ms: number) => ms * (0.5 + Math.random() / 2);

export const headers = (token: string) => ({ Authorization: token, 'Content-Type': 'application/json' });

export const body = ({ context, toggles }: Pick<Ask, 'context' | 'toggles'>) => JSON.stringify({ context, toggles });

/**
 * Connects from this page or worker: it streams, falls back to polling where streams are refused or fail again and again, and
 * climbs back.
 */
export const connect: Connect = (ask, sink, from, fetch = globalThis.fetch.bind(globalThis)) => {
  const { timing } = ask;
  let at: Position = from;
  let closed = false;
  let seen = false; // the server has answered
  let wake = () => {};
  let stop = () => {}; // ends the request that is under way

  const sleep = (ms: number) => new Promise<void>((done) => {
    const timer = setTimeout(done, ms);
    wake = () => { clearTimeout(timer); done(); };
  });
  const post = (path: string, signal: AbortSignal, more: Record<string, string | undefined>) => {
    const all: Record<string, string> = headers(ask.token);
    for (const name in more) if (more[name]) all[name] = more[name]!;
    return fetch(ask.url + path, { method: 'POST', headers: all, body: body(ask), signal, cache: 'no-store' });
  };
  /** Waits for one request; the timer of alive ends it. */
  const attempt = async <T>(work: (signal: AbortSignal, alive: (ms: number) => void) => Promise<T>): Promise<T | undefined> => {
    const control = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const alive = (ms: number) => { clearTimeout(timer); timer = setTimeout(() => control.abort(), ms); };
    stop = () => control.abort();
    alive(timing.open);
    try {
      return await work(control.signal, alive);
    } catch (error) {
      sink.error(`${ask.url}: ${(error as Error).message}`);
    } finally {
      clearTimeout(timer);
      stop = () => {};
      control.abort(); // gives back a body that was not read to its end
    }
  };

  const apply = ({ event, data, id }: Block) => {
    if (id) at = { id };
    if (!data) { // a note: nothing was missed
      if (id) { seen = true; sink.fresh(); }
      return;
    }
    const said = JSON.parse(data);
    if (event === 'hydration') { seen = true; sink.full(said.toggles, at); }
    if (event === 'update') sink.change(said.updated, said.removed, at);
  };

  /** How a stream went: whether it opened, whether it is of no use to try again soon, and the delay the server asks for. */
  const course = { opened: 0, refused: false, retry: 0 };
  const heard = (block: Block) => {
    if (block.retry) course.retry = block.retry;
    if (!course.opened) { course.opened = Date.now(); sink.mode('streaming'); }
    apply(block);
  };
  const refuse = (status: number) => {
    course.refused = refusals.includes(status);
    if (!course.refused) sink.error(`${ask.url}/stream: ${status}`, status);
  };

  const streamByFetch = () => attempt(async (signal, alive) => {
    const response = await post('/stream', signal, { Accept: 'text/event-stream', 'Last-Event-ID': at.id });
    if (!response.ok) return refuse(response.status);
    if (!response.body || !/event-stream/.test(response.headers.get('Content-Type') || '')) return refuse(404);
    const reader = response.body.getReader();
    const decoder = new TextDecoder();
    const parse = parser(heard);
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      parse(decoder.decode(value, { stream: true }));
      if (course.opened) alive(timing.idle);
    }
  });

  /** EventSource sends neither headers nor a body: a ticket stands for both. */
  const streamByEventSource = () => attempt(async (signal, alive) => {
    const response = await post('/stream/ticket', signal, {});
    if (!response.ok) return refuse(response.status);
    const query = `?ticket=${encodeURIComponent((await response.json()).ticket)}`;
    const resume = seen && at.id ? `&lastEventId=${encodeURIComponent(at.id)}` : '';
    const source = new EventSource(`${ask.url}/stream${query}${resume}`);
    await new Promise<void>((done) => {
      const take = (event: MessageEvent) => heard({ event: event.type, data: event.data, id: event.lastEventId });
      source.onopen = () => { alive(2 ** 31 - 1); heard({ event: '', data: '' }); };
      source.addEventListener('hydration', take);
      source.addEventListener('update', take);
      source.onerror = signal.onabort = () => { source.close(); done(); };
    });
  });

  const poll = () => attempt(async (signal) => {
    const response = await post('', signal, { 'If-None-Match': at.etag });
    if (response.status !== 304) {
      if (!response.ok) {
        sink.error(`${ask.url}: ${response.status}`, response.status);
        return false;
      }
      const { toggles } = await response.json();
      sink.mode('polling');
      at = { etag: response.headers.get('ETag') || undefined };
      sink.full(toggles, at);
    } else {
      sink.mode('polling');
      sink.fresh();
    }
    return seen = true;
  });

  const run = async () => {
    let failures = 0;
    let climb = timing.climb;
    let streamAt = ask.stream === 'off' ? Infinity : 0;
    const backOff = () => jitter(Math.min(timing.retryMax, timing.retry * 2 ** (failures - 1)));
    sink.mode('connecting');
    while (!closed) {
      if (Date.now() >= streamAt) {
        Object.assign(course, { opened: 0, refused: false, retry: 0 });
        await (ask.stream === 'fetch' ? streamByFetch : streamByEventSource)();
        if (closed) return;
        if (course.opened) sink.mode('connecting');
        if (course.opened && (course.retry || Date.now() - course.opened > timing.open)) {
          failures = 0;
          climb = timing.climb;
          await sleep(course.retry || jitter(timing.retry));
          continue;
        }
        failures++;
        const blocked = course.refused || failures >= patience;
        const delay = blocked ? jitter(climb) : backOff();
        if (blocked) climb = Math.min(climb * 2, timing.climb * 10);
        streamAt = Date.now() + delay;
        if ((!blocked && seen) || !timing.poll) {
          await sleep(delay);
          streamAt = 0; // timers fire a moment early at times, and a poll would give up the id to go on from
          continue;
        }
      }
      const answered = await poll();
      if (closed) return;
      if (answered) {
        await sleep(Math.max(0, Math.min(jitter(timing.poll), streamAt - Date.now())));
      } else { // the server is away, not just its streams: they are tried first when it is back
        sink.mode('connecting');
        failures++;
        if (streamAt < Infinity) streamAt = 0;
        await sleep(backOff());
      }
    }
  };

  const online = () => wake();
  globalThis.addEventListener?.('online', online);
  void run();
  return () => {
    closed = true;
    globalThis.removeEventListener?.('online', online);
    stop();
    wake();
  };
};

/** Calls a connector with a sink that is deaf once it is closed, whatever the connection still has to say. */
export function connected(connector: Connect, ask: Ask, sink: Sink, at: Position, fetch?: typeof globalThis.fetch): () => void {
  let open = true;
  const guard = <A extends unknown[]>(act: (...args: A) => void) => (...args: A) => { if (open) act(...args); };
  const close = connector(ask, {
    full: guard(sink.full), change: guard(sink.change), fresh: guard(sink.fresh), mode: guard(sink.mode), error: guard(sink.error),
  }, at, fetch);
  return () => { open = false; close(); };
}
