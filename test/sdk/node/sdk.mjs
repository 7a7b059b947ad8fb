// The SDK under test: npm `unleash-client`, unmodified, in one of its three ways to fetch flags.
// Everything is waited for through the SDK's own events; nothing sleeps.

import { randomUUID } from 'node:crypto';
import { createRequire } from 'node:module';
import { InMemStorageProvider, Unleash } from 'unleash-client';
import { difference, normalise } from './state.mjs';

const require = createRequire(import.meta.url);

/** The version of the SDK in use. */
export const sdkVersion = require('unleash-client/package.json').version;

/** The ways to fetch, as the SDK's `experimentalMode`. */
export const modes = {
  polling: { type: 'polling', format: 'full' },
  delta: { type: 'polling', format: 'delta' },
  streaming: { type: 'streaming' },
};

export class Sdk {
  /** The error and warning events so far: {event, message}. */
  troubles = [];

  /** Every change of the way to fetch: {from, to}. */
  switches = [];

  #deadlineMs;

  /** Starts an SDK at once. `token` is sent as its only custom header. */
  constructor({ url, token, mode, pollMs, deadlineMs, options = {} }) {
    this.mode = mode;
    this.#deadlineMs = deadlineMs;
    this.client = new Unleash({
      url: `${url}/api/`,
      appName: `pennon-test-${mode}-${randomUUID()}`,
      customHeaders: { Authorization: token },
      experimentalMode: modes[mode],
      refreshInterval: pollMs,
      disableMetrics: true,
      skipInstanceCountWarning: true,
      storageProvider: new InMemStorageProvider(),
      ...options,
    });
    this.client.on('error', (error) => this.troubles.push({ event: 'error', message: error.message }));
    this.client.on('warn', (message) => this.troubles.push({ event: 'warn', message: String(message?.message ?? message) }));
    this.client.repository.on('mode', (change) => this.switches.push(change));
  }

  /** How the SDK fetches at this moment: `polling` or `streaming`. */
  get fetching() {
    return this.client.repository.getMode();
  }

  /** The flags the SDK holds, in normal form. */
  get state() {
    return normalise(this.client.getFeatureToggleDefinitions(true));
  }

  /** The SDK's own copy of one flag, or undefined. */
  feature(name) {
    return this.client.getFeatureToggleDefinition(name);
  }

  /**
   * Resolves once `holds` answers true, looking now and after each of the SDK's `events`. When the
   * deadline passes first, rejects with what `describe` says about the state at that time.
   */
  until(what, holds, { events = ['changed'], emitter = this.client, describe = () => '' } = {}) {
    return new Promise((resolve, reject) => {
      const done = (settle, value) => {
        clearTimeout(timer);
        for (const event of events) emitter.off(event, look);
        settle(value);
      };
      const look = () => {
        if (holds()) done(resolve);
      };
      const timer = setTimeout(() => {
        const troubles = this.troubles.map(({ event, message }) => `\n  ${event}: ${message}`).join('');
        done(reject, new Error(`the SDK (${this.mode}) did not see ${what} in time: ${describe()}${troubles}`));
      }, this.#deadlineMs);
      for (const event of events) emitter.on(event, look);
      look();
    });
  }

  /** Resolves once the SDK has heard from the server and is ready to evaluate. */
  async synchronized() {
    const missing = new Set(['synchronized', 'ready']);
    if (this.client.isSynchronized()) missing.delete('synchronized');
    if (this.client.ready) missing.delete('ready');
    for (const event of missing) this.client.once(event, () => missing.delete(event));
    const describe = () => `no event ${[...missing]}`;
    await this.until('the server', () => missing.size === 0, { events: [...missing], describe });
  }

  /** Resolves once the SDK holds exactly `wanted`, apart from the `ignored` names. */
  async holds(wanted, ignored = new Set()) {
    const lines = () => difference(wanted, this.state, ignored);
    await this.until('the expected flags', () => lines().length === 0, { describe: () => lines().join('\n  ') });
  }

  /** Resolves once the SDK fetches in this way. */
  async fetches(way) {
    const emitter = this.client.repository;
    const describe = () => `it is ${this.fetching}`;
    await this.until(`a switch to ${way}`, () => this.fetching === way, { events: ['mode'], emitter, describe });
  }

  /** Resolves to the first error or warning, past or future, whose message matches. */
  async trouble(event, pattern) {
    const find = () => this.troubles.find((each) => each.event === event && pattern.test(each.message));
    await this.until(`the ${event} ${pattern}`, () => find() !== undefined, { events: [event] });
    return find();
  }

  /** Evaluates a case of the specification; a variant is cut down to what the specification fixes. */
  evaluate({ kind, toggleName, context }) {
    if (kind === 'enabled') return this.client.isEnabled(toggleName, context);
    const { name, enabled, feature_enabled, payload } = this.client.getVariant(toggleName, context);
    return payload === undefined ? { name, enabled, feature_enabled } : { name, enabled, feature_enabled, payload };
  }

  /** Stops fetching. What is under way may still fail, when the SDK listens no more: nobody is to die of that. */
  stop() {
    this.client.destroy();
    this.client.repository.on('error', () => {});
  }
}
