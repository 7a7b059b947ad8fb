import { connect, connected } from './connection.js';
import type { Connect, Sink } from './types.js';

/** How long the worker's script may take to answer before the page connects by itself. */
const patience = 4_000;

/**
 * Connects through a SharedWorker: all tabs of an origin that ask with the same token for the same context share one stream.
 * script is where dist/shared-worker.js is served, from the page's own origin. Without SharedWorker, or if its script does
 * not answer, each page has a stream of its own.
 */
export function sharedWorker(script: string | URL): Connect {
  return (ask, sink, at, fetch) => {
    let disconnect = () => {};
    const alone = () => {
      disconnect();
      disconnect = connected(connect, ask, sink, at, fetch);
    };
    try {
      if (ask.stream === 'off' || typeof SharedWorker === 'undefined') throw 0;
      disconnect = throughWorker(new SharedWorker(script, 'pennon'), ask, sink, alone);
    } catch {
      alone();
    }
    return () => disconnect();
  };
}

function throughWorker(worker: SharedWorker, ask: Parameters<Connect>[0], sink: Sink, alone: () => void): () => void {
  const { port } = worker;
  let release = () => {};
  const timer = setTimeout(alone, patience);
  worker.onerror = alone;
  port.onmessage = ({ data: [call, ...args] }: MessageEvent<[string, ...unknown[]]>) => {
    clearTimeout(timer);
    if (call in sink) (sink[call as keyof Sink] as (...args: unknown[]) => void)(...args);
  };
  // A page that dies says nothing; but then it no longer holds its lock, and the worker gets it.
  const name = `pennon:${Math.random()}`;
  if (navigator.locks) {
    void navigator.locks.request(name, () => new Promise<void>((done) => {
      release = done;
      port.postMessage({ ask, lock: name });
    }));
  } else port.postMessage({ ask });
  return () => {
    clearTimeout(timer);
    worker.onerror = null;
    port.onmessage = null;
    port.postMessage({ close: true });
    release();
  };
}
