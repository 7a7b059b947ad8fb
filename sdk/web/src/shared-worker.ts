import { connect, connected } from './connection.js';
import type { Ask, Mode, Position, Sink, Toggle } from './types.js';

/** One connection, for all pages that ask the same. */
interface Shared {
  ports: Set<MessagePort>;
  toggles: Map<string, Toggle>;
  at: Position;
  known: boolean; // toggles are what the server has said
  mode: Mode;
  disconnect: () => void;
}

const all = new Map<string, Shared>();

function open(key: string, ask: Ask): Shared {
  const shared: Shared = { ports: new Set(), toggles: new Map(), at: {}, known: false, mode: 'connecting', disconnect: () => {} };
  const tell = <K extends keyof Sink>(call: K, ...args: Parameters<Sink[K]>) => shared.ports.forEach((port) => port.postMessage([call, ...args]));
  all.set(key, shared);
  shared.disconnect = connected(connect, ask, {
    full(toggles, at) {
      Object.assign(shared, { toggles: new Map(toggles.map((toggle) => [toggle.name, toggle])), at, known: true });
      tell('full', toggles, at);
    },
    change(updated, removed, at) {
      removed.forEach((name) => shared.toggles.delete(name));
      updated.forEach((toggle) => shared.toggles.set(toggle.name, toggle));
      shared.at = at;
      tell('change', updated, removed, at);
    },
    fresh: () => tell('fresh'),
    mode(mode) {
      shared.mode = mode;
      tell('mode', mode);
    },
    error: (message, status) => tell('error', message, status),
  }, {});
  return shared;
}

(globalThis as unknown as { onconnect: (event: MessageEvent) => void }).onconnect = ({ ports: [port] }) => {
  let leave = () => {};
  port!.onmessage = ({ data: { ask, lock } }: MessageEvent<{ ask?: Ask; lock?: string }>) => {
    leave();
    if (!ask) return;
    const key = JSON.stringify(ask);
    const shared = all.get(key) || open(key, ask);
    shared.ports.add(port!);
    leave = () => {
      shared.ports.delete(port!);
      if (!shared.ports.size && all.get(key) === shared) {
        all.delete(key);
        shared.disconnect();
      }
    };
    port!.postMessage(['mode', shared.mode]);
    if (shared.known) port!.postMessage(['full', [...shared.toggles.values()], shared.at]);
    if (lock) void navigator.locks.request(lock, leave);
  };
};
