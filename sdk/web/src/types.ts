/** What a variant carries. Its type is one of string, number, json and csv; its value is always text. */
export interface Payload {
  type: string;
  value: string;
}

/** The variant that a flag has chosen for the context; named "disabled" if it has none. */
export interface Variant {
  name: string;
  enabled: boolean;
  payload?: Payload;
  feature_enabled?: boolean;
}

/** A flag that is on for the context, as GET /api/frontend lists it. */
export interface Toggle {
  name: string;
  enabled: boolean;
  variant: Variant;
  impressionData?: boolean;
}

/** Who asks. Names that are not listed here are properties. */
export interface Context {
  userId?: string;
  sessionId?: string;
  appName?: string;
  environment?: string;
  remoteAddress?: string;
  currentTime?: string;
  properties?: Record<string, string>;
  [name: string]: string | Record<string, string> | undefined;
}

/** What a flag's value can be in code. */
export type Value = boolean | string | number | object | null;

/**
 * Where a program says which flags it has, once, for all clients and hooks:
 *
 *     declare module '@pennon/web' {
 *       interface Register { flags: { checkout: boolean; theme: 'dark' | 'light' } }
 *     }
 */
export interface Register {}

/** The flags that Register names, or any. */
export type Registered = Register extends { flags: infer F extends object } ? F : Record<string, Value>;

/** The names of flags. */
export type Name<F> = keyof F & string;

/** The type of a flag's value: that of the map, or, if the map says nothing, that of the fallback. */
export type ValueOf<F, K extends keyof F, V> = string extends keyof F ? Widen<V> : F[K];

type Widen<V> = V extends boolean ? boolean : V extends number ? number : V extends string ? string : V;

/**
 * The flags of an OpenFeature manifest, by the types of their default values:
 *
 *     import manifest from './flags.json';
 *     createClient<FlagsOf<typeof manifest>>(…);
 */
export type FlagsOf<M extends { flags: object }> = {
  [K in keyof M['flags']]: M['flags'][K] extends { defaultValue: infer V } ? Widen<V> : Value;
};

/** How the client is kept up to date. */
export type Mode = 'offline' | 'connecting' | 'streaming' | 'polling';

/** Something that went wrong on the way to the server; status is that of its answer, if there was one. */
export interface FlagsError extends Error {
  status?: number;
}

/** Delays in milliseconds. */
export interface Timing {
  /** Between polls, where there is no stream; 0: never poll. 30,000. */
  poll: number;
  /** The first delay before a failed connection is tried again; it doubles, and is drawn at random. 1,000. */
  retry: number;
  /** The longest of these delays. 30,000. */
  retryMax: number;
  /** How long a stream may take to open, and a poll to answer. 8,000. */
  open: number;
  /** How long a stream may be silent; the server sends something every 24 seconds. 60,000. */
  idle: number;
  /** How long to poll before a stream is tried again; it doubles, up to ten times. 60,000. */
  climb: number;
  /** How long a hidden page keeps its stream. 60,000. */
  hidden: number;
  /** Between reports of usage; 0: none. 30,000. */
  metrics: number;
}

/** Everything a connection needs to know; it can be posted to a worker. */
export interface Ask {
  url: string;
  token: string;
  context: Context;
  toggles?: string[];
  stream: 'fetch' | 'eventsource' | 'off';
  timing: Timing;
}

/** How far a set of flags goes: the id of the last event, or the tag of the last answer. */
export interface Position {
  id?: string;
  etag?: string;
}

/** What a connection brings. */
export interface Sink {
  /** All flags that are on. */
  full(toggles: Toggle[], at: Position): void;
  /** The flags that have changed, and the names of those that are no longer on. */
  change(updated: Toggle[], removed: string[], at: Position): void;
  /** What is held is what the server has. */
  fresh(): void;
  mode(mode: Mode): void;
  error(message: string, status?: number): void;
}

/** Keeps a sink up to date, from the position on that it holds, until the function it returns is called. */
export type Connect = (ask: Ask, sink: Sink, at: Position, fetch?: typeof globalThis.fetch) => () => void;
