/** Feature flags in the browser, pushed. See the README. */
export { Client, createClient, type Events, type Impression, type Options } from './client.js';
export { connect } from './connection.js';
export { fetchFlags } from './fetch.js';
export type { Storage } from './storage.js';
export type {
  Ask, Connect, Context, FlagsError, FlagsOf, Mode, Payload, Position, Register, Registered, Sink, Timing, Toggle, Value, Variant,
} from './types.js';
