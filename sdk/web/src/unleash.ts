import { connect, connected, defaultTiming } from './connection.js';
import type { Connect, Timing } from './types.js';

/** What is needed of a client of unleash-proxy-client. */
export interface UnleashClient {
  getContext(): object;
  updateToggles(): Promise<void>;
  on(event: 'update', listener: () => void): unknown;
  off(event: 'update', listener: () => void): unknown;
}

/** Where the stream is. */
export interface PushOptions {
  /** The frontend API, as the client has it. */
  url: string | URL;
  /** The frontend token: the client's clientKey. */
  token: string;
  stream?: 'fetch' | 'eventsource';
  connect?: Connect;
  timing?: Partial<Timing>;
  onError?: (message: string, status?: number) => void;
}

/**
 * Makes a client of unleash-proxy-client fetch whenever something has changed for its context, until the function that it
 * returns is called. Changes of the client's context are followed. The client may then poll rarely (refreshInterval: 300): its
 * polls are what remains where there is no stream.
 */
export function pushUpdates(client: UnleashClient, options: PushOptions): () => void {
  const { url, token, stream = 'fetch', timing } = options;
  const update = client.updateToggles;
  // The client gives up a fetch when it begins another one, and whoever waits for the first is told too early: so ours wait.
  let running: Promise<void> | undefined;
  let again = false;
  const run = () => {
    const mine = running = update.call(client).finally(() => {
      if (running !== mine) return;
      running = undefined;
      if (again) refresh();
    });
    return mine;
  };
  const refresh = () => {
    again = !!running;
    if (!running) run().catch(() => {});
  };
  let asked = '';
  let disconnect = () => {};
  const follow = () => {
    const context = JSON.stringify(client.getContext());
    if (context === asked) return;
    asked = context;
    disconnect();
    const ask = {
      url: String(url).replace(/\/+$/, ''), token, context: JSON.parse(context), stream, timing: { ...defaultTiming, ...timing, poll: 0 },
    };
    disconnect = connected(options.connect || connect, ask, {
      full: refresh, change: refresh, fresh() {}, mode() {}, error: options.onError || (() => {}),
    }, {});
  };
  // Every change of a client's context ends in updateToggles; the sessionId comes when it starts, with its first flags.
  client.on('update', follow);
  client.updateToggles = () => {
    follow();
    return run();
  };
  follow();
  return () => {
    disconnect();
    again = false;
    client.off('update', follow);
    client.updateToggles = update;
  };
}
