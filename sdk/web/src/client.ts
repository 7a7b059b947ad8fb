import { connect, connected, defaultTiming } from './connection.js';
import { Metrics } from './metrics.js';
import { browserStorage, keep, recall, sessionId, type Storage } from './storage.js';
import type {
  Ask, Connect, Context, FlagsError, Mode, Name, Position, Registered, Timing, Toggle, Value, ValueOf, Variant,
} from './types.js';
import { valueOf } from './value.js';

/** What a client is made with. */
export interface Options {
  /** The frontend API: https://flags.example.com/api/frontend. */
  url: string;
  /** A frontend token. It is no secret: everybody who loads the page can read it. */
  token: string;
  /** Names the program in reports of usage. "web" if it is not given. */
  appName?: string;
  /** Who asks. Without a sessionId it gets one that the browser keeps. */
  context?: Context;
  /** Only these flags; none: all. */
  toggles?: string[];
  /** Flags to begin with, as fetchFlags or snapshot answered on the server that rendered the page. */
  bootstrap?: { toggles: Toggle[] } | Toggle[];
  /** How to stream. 'fetch' unless it says otherwise; 'off' polls. */
  stream?: Ask['stream'];
  /** How to connect: from this page, or sharedWorker(…) of @pennon/web/worker. */
  connect?: Connect;
  /** Where flags are kept between visits; null: nowhere. localStorage unless it says otherwise. */
  storage?: Storage | null;
  /** Whether every question makes an impression event, and not only those about flags that ask for it. */
  impressionDataAll?: boolean;
  timing?: Partial<Timing>;
  fetch?: typeof globalThis.fetch;
}

/** Somebody was shown a flag. Its fields are those of Unleash's clients. */
export interface Impression {
  eventType: 'isEnabled' | 'getVariant';
  eventId: string;
  context: Context;
  enabled: boolean;
  featureName: string;
  variant?: string;
  impressionData?: boolean;
}

/** What can be listened to. */
export interface Events {
  /** The first flags are there: from the server, or from bootstrap. */
  ready: void;
  /** Flags have changed for this context. */
  update: { changed: string[] };
  mode: Mode;
  error: FlagsError;
  impression: Impression;
}

const disabled: Variant = { name: 'disabled', enabled: false, feature_enabled: false };

const byName = (toggles: Toggle[]) => new Map(toggles.map((toggle) => [toggle.name, toggle]));

const same = (a: Toggle | undefined, b: Toggle) => !!a && JSON.stringify(a) === JSON.stringify(b);

/** Holds the flags of one context and keeps them up to date. Make it with createClient. */
export class Client<F extends object = Registered> {
  /** Whether flags are there that come from the server or from bootstrap; flags from an earlier visit don't count. */
  ready: boolean;
  /** Whether it began with flags of bootstrap. */
  readonly bootstrapped: boolean;
  /** How the client is kept up to date. */
  mode: Mode = 'offline';
  /** The newest error; none since something has come from the server. */
  lastError?: FlagsError;

  private ask: Ask;
  private storage: Storage | undefined;
  private toggles: Map<string, Toggle>;
  private readonly first: Map<string, Toggle>;
  private at: Position = {};
  private listeners: { [K in keyof Events]?: Set<(event: Events[K]) => void> } = {};
  private arrived = new Set<() => void>(); // who waits for the flags of a context
  private metrics: Metrics;
  private disconnect: (() => void) | undefined;
  private stopped: (() => void) | undefined; // takes back what start has set up
  private fetch: typeof globalThis.fetch;

  constructor(private options: Options) {
    const { bootstrap, storage, timing, stream = 'fetch' } = options;
    this.fetch = options.fetch || ((...args) => globalThis.fetch(...args));
    this.storage = storage === undefined ? browserStorage() : storage || undefined;
    this.ask = {
      url: options.url.replace(/\/+$/, ''), token: options.token, context: this.complete(options.context),
      toggles: options.toggles, stream, timing: { ...defaultTiming, ...timing },
    };
    this.ready = this.bootstrapped = !!bootstrap;
    this.first = byName(Array.isArray(bootstrap) ? bootstrap : bootstrap?.toggles || []);
    this.toggles = this.first;
    this.metrics = new Metrics(() => this.ask, id(), this.fetch);
    if (!bootstrap) this.recall();
  }

  /** Connects, and resolves once the client is ready. It may be called again, also after close. */
  start(): Promise<void> {
    if (!this.stopped) {
      const hidden = watchPage({
        after: this.ask.timing.hidden, hide: () => this.metrics.send(), leave: () => this.pause(), show: () => this.resume(),
      });
      const { metrics } = this.ask.timing;
      const timer = metrics ? setInterval(() => this.metrics.send(), metrics) : undefined;
      this.stopped = () => { hidden(); clearInterval(timer); };
      this.resume();
      if (this.ready) queueMicrotask(() => this.emit('ready', undefined));
    }
    return this.ready ? Promise.resolve() : this.once();
  }

  /** Disconnects and reports usage. The flags stay as they are. */
  close(): void {
    this.stopped?.();
    this.stopped = undefined;
    this.pause();
    this.metrics.send();
  }

  /** Whether the flag is on. Unknown flags are off. */
  isEnabled(name: Name<F>): boolean {
    const toggle = this.toggles.get(name);
    const enabled = !!toggle?.enabled;
    this.metrics.count(name, enabled);
    this.impression('isEnabled', name, toggle);
    return enabled;
  }

  /** The flag's variant; one named "disabled" if it has none or is off. */
  getVariant(name: Name<F>): Variant {
    const toggle = this.toggles.get(name);
    const variant = toggle?.variant || disabled;
    this.metrics.count(name, !!toggle?.enabled, variant.name);
    this.impression('getVariant', name, toggle, variant.name);
    return variant;
  }

  /**
   * The flag's value, in the type of the fallback: the variant's payload, or for booleans whether the flag is on. The
   * fallback stands for flags that are off or whose payload is of another type; for booleans only until the client is ready.
   */
  value<K extends Name<F>, V extends F[K] & Value>(name: K, fallback: V): ValueOf<F, K, V> {
    const toggle = this.toggles.get(name);
    this.metrics.count(name, !!toggle?.enabled, toggle?.variant?.name);
    this.impression('getVariant', name, toggle, toggle?.variant?.name);
    return valueOf(toggle, fallback, this.ready) as ValueOf<F, K, V>;
  }

  /** The flag as it is held, without counting. The object stays the same until the flag changes. */
  peek(name: Name<F>): Toggle | undefined {
    return this.toggles.get(name);
  }

  /** The flag as bootstrap has it: what the server that rendered the page has seen. */
  initial(name: Name<F>): Toggle | undefined {
    return this.first.get(name);
  }

  /** All flags that are on, for another client's bootstrap. */
  snapshot(): { toggles: Toggle[] } {
    return { toggles: [...this.toggles.values()] };
  }

  get context(): Context {
    return this.ask.context;
  }

  /**
   * Asks for another context, and resolves when its flags are there; until then the old ones stay. The sessionId and the
   * appName are kept unless the new context has others.
   */
  setContext(context: Context): Promise<void> {
    const { sessionId } = this.ask.context;
    const next = this.complete({ sessionId, ...context });
    if (JSON.stringify(next) === JSON.stringify(this.ask.context)) return Promise.resolve();
    this.pause();
    this.ask = { ...this.ask, context: next };
    this.at = {};
    this.recall();
    if (!this.stopped) return Promise.resolve();
    const fresh = new Promise<void>((done) => { this.arrived.add(done); });
    this.resume();
    return fresh;
  }

  /** Calls listener for each event, until the function that it returns is called. */
  on<K extends keyof Events>(event: K, listener: (event: Events[K]) => void): () => void {
    const all: Set<(event: Events[K]) => void> = (this.listeners[event] as any) ||= new Set();
    all.add(listener);
    return () => { all.delete(listener); };
  }

  private once(): Promise<void> {
    return new Promise((done) => {
      const off = this.on('ready', () => { off(); done(); });
    });
  }

  private complete(context: Context = {}): Context {
    return { appName: this.options.appName || 'web', ...context, sessionId: context.sessionId || sessionId(this.storage) };
  }

  private recall(): void {
    const kept = recall(this.storage, this.ask);
    if (!kept) return;
    this.at = kept.at;
    this.replace(byName(kept.toggles));
  }

  private emit<K extends keyof Events>(event: K, detail: Events[K]): void {
    this.listeners[event]?.forEach((listener) => listener(detail));
  }

  private pause(): void {
    this.disconnect?.();
    this.disconnect = undefined;
    this.setMode('offline');
  }

  private setMode(mode: Mode): void {
    if (mode === this.mode) return;
    this.mode = mode;
    this.emit('mode', mode);
  }

  private resume(): void {
    if (this.disconnect || !this.stopped) return;
    const { ask } = this;
    this.disconnect = connected(this.options.connect || connect, ask, {
      full: (toggles, at) => this.apply(byName(toggles), at),
      change: (updated, removed, at) => {
        const next = new Map(this.toggles);
        removed.forEach((name) => next.delete(name));
        updated.forEach((toggle) => next.set(toggle.name, toggle));
        this.apply(next, at);
      },
      fresh: () => this.fresh(),
      mode: (mode) => this.setMode(mode),
      error: (message, status) => {
        this.lastError = Object.assign(new Error(message), { status });
        this.emit('error', this.lastError);
      },
    }, this.at, this.fetch);
  }

  private apply(next: Map<string, Toggle>, at: Position): void {
    this.at = at;
    keep(this.storage, this.ask, { toggles: [...next.values()], at });
    this.replace(next);
    this.fresh();
  }

  /** Takes over what differs; flags that are the same stay the same objects. */
  private replace(next: Map<string, Toggle>): void {
    const old = this.toggles;
    const changed = [...old.keys()].filter((name) => !next.has(name));
    next.forEach((toggle, name) => {
      const before = old.get(name);
      if (same(before, toggle)) next.set(name, before!);
      else changed.push(name);
    });
    this.toggles = next;
    if (changed.length) this.emit('update', { changed });
  }

  private fresh(): void {
    this.lastError = undefined;
    if (!this.ready) {
      this.ready = true;
      this.emit('ready', undefined);
    }
    this.arrived.forEach((done) => done());
    this.arrived.clear();
  }

  private impression(eventType: Impression['eventType'], featureName: string, toggle?: Toggle, variant?: string): void {
    if (!toggle?.impressionData && !this.options.impressionDataAll) return;
    this.emit('impression', {
      eventType, eventId: id(), context: this.ask.context, enabled: !!toggle?.enabled, featureName, variant, impressionData: toggle?.impressionData,
    });
  }
}

const id = () => globalThis.crypto?.randomUUID?.() || String(Math.random()).slice(2);

interface Page {
  after: number;
  hide(): void;
  leave(): void;
  show(): void;
}

/** Watches whether the page is seen: calls leave when it has been hidden for a while or is put away, show when it is back. */
function watchPage({ after, hide, leave, show }: Page): () => void {
  if (!globalThis.document) return () => {};
  let timer: ReturnType<typeof setTimeout> | undefined;
  const look = () => {
    clearTimeout(timer);
    if (document.visibilityState !== 'hidden') return show();
    hide();
    timer = setTimeout(leave, after);
  };
  const put = () => { hide(); leave(); };
  document.addEventListener('visibilitychange', look);
  addEventListener('pagehide', put);
  addEventListener('pageshow', look);
  look(); // it may have been opened in the background
  return () => {
    clearTimeout(timer);
    document.removeEventListener('visibilitychange', look);
    removeEventListener('pagehide', put);
    removeEventListener('pageshow', look);
  };
}

/** Makes a client. It connects when start is called. */
export function createClient<F extends object = Registered>(options: Options): Client<F> {
  return new Client<F>(options);
}
