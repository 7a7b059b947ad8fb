import { headers } from './connection.js';
import type { Ask } from './types.js';

interface Count {
  yes: number;
  no: number;
  variants: Record<string, number>;
}

/** Counts how flags were answered and reports it now and then. */
export class Metrics {
  private start = new Date();
  private counts: Record<string, Count> = {};

  constructor(private ask: () => Ask, private instanceId: string, private fetch: typeof globalThis.fetch) {}

  count(name: string, enabled: boolean, variant?: string): void {
    if (!this.ask().timing.metrics) return;
    const count = Object.hasOwn(this.counts, name) ? this.counts[name]! : (this.counts[name] = { yes: 0, no: 0, variants: {} });
    if (variant) count.variants[variant] = (count.variants[variant] || 0) + 1;
    count[enabled ? 'yes' : 'no']++;
  }

  /** Sends what was counted. What cannot be sent is lost: a client that is offline for long must not grow. */
  send(): void {
    const { start, counts } = this;
    if (!Object.keys(counts).length) return;
    this.start = new Date();
    this.counts = {};
    const { url, token, context } = this.ask();
    void this.fetch(url + '/client/metrics', {
      method: 'POST',
      headers: headers(token),
      keepalive: true, // the page may be closing
      body: JSON.stringify({
        appName: context.appName,
        instanceId: this.instanceId,
        bucket: { start, stop: this.start, toggles: counts },
      }),
    }).then((response) => response.body?.cancel(), () => {});
  }
}
