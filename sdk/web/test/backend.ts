import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import { createClient, type Client, type Options, type Toggle } from '../src/index.js';

export const toggle = (name: string, variant: Partial<Toggle['variant']> = {}, more: Partial<Toggle> = {}): Toggle => ({
  name, enabled: true, variant: { name: 'disabled', enabled: false, feature_enabled: true, ...variant }, impressionData: false, ...more,
});

/** A variant that carries a value. */
export const carries = (type: string, value: string) => ({ name: 'v', enabled: true, payload: { type, value } });

export interface Request {
  path: string;
  headers: IncomingMessage['headers'];
  body: any;
}

/** The frontend API as a test wants it to answer. */
export class Backend {
  toggles: Toggle[] = [];
  /** The status that streams are refused with. */
  refuse = 0;
  /** The status that everything is refused with. */
  down = 0;
  requests: Request[] = [];
  streams = new Set<ServerResponse>();
  url = '';
  private revision = 1;
  private server = createServer((request, response) => void this.serve(request, response));

  static async start(t: TestContext): Promise<Backend> {
    const backend = new Backend();
    await new Promise<void>((done) => backend.server.listen(0, '127.0.0.1', done));
    backend.url = `http://127.0.0.1:${(backend.server.address() as AddressInfo).port}/api/frontend`;
    t.after(() => { backend.server.close(); backend.server.closeAllConnections(); });
    return backend;
  }

  /** A started client of this backend, with small delays. */
  client(t: TestContext, options: Partial<Options> = {}): Client<Record<string, any>> {
    const timing = { retry: 2, retryMax: 5, climb: 5, poll: 5, metrics: 0, ...options.timing };
    const client = createClient<Record<string, any>>({ url: this.url, token: 'secret', storage: null, ...options, timing });
    t.after(() => client.close());
    return client;
  }

  get id(): string {
    return `${this.revision}-0.${Buffer.from(JSON.stringify(this.toggles)).toString('base64')}`;
  }

  asked(path: string): Request[] {
    return this.requests.filter((request) => request.path === path);
  }

  write(text: string): void {
    this.streams.forEach((stream) => stream.write(text));
  }

  /** Changes flags and pushes that. */
  put(updated: Toggle[], removed: string[] = []): void {
    const names = [...removed, ...updated.map(({ name }) => name)];
    this.toggles = [...this.toggles.filter(({ name }) => !names.includes(name)), ...updated];
    this.revision++;
    this.write(`event: update\nid: ${this.id}\ndata: ${JSON.stringify({ updated, removed })}\n\n`);
  }

  /** Breaks all streams. */
  cut(farewell = ''): void {
    this.streams.forEach((stream) => { stream.end(farewell); });
    this.streams.clear();
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let text = '';
    for await (const chunk of request) text += chunk;
    const path = request.url!.replace('/api/frontend', '');
    this.requests.push({ path, headers: request.headers, body: text && JSON.parse(text) });
    const status = this.down || (path === '/stream' && this.refuse);
    if (status) return void response.writeHead(status).end();
    if (path === '/client/metrics') return void response.writeHead(202).end();
    if (path === '/stream') {
      response.writeHead(200, { 'Content-Type': 'text/event-stream' });
      this.streams.add(response);
      response.on('close', () => this.streams.delete(response));
      if (request.headers['last-event-id'] === this.id) return void response.write(`id: ${this.id}\nretry: 3\n\n`);
      return void response.write(`event: hydration\nid: ${this.id}\ndata: ${JSON.stringify({ toggles: this.toggles })}\n\n`);
    }
    const etag = `W/"${Buffer.from(JSON.stringify(this.toggles)).toString('base64')}"`;
    if (request.headers['if-none-match'] === etag) return void response.writeHead(304, { ETag: etag }).end();
    response.writeHead(200, { ETag: etag, 'Content-Type': 'application/json' }).end(JSON.stringify({ toggles: this.toggles }));
  }
}

/** Waits until something holds, which must be soon. */
export async function until(what: string, holds: () => unknown): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (!holds()) {
    if (Date.now() > deadline) throw new Error(`${what}: did not happen in time`);
    await new Promise((done) => setTimeout(done, 2));
  }
}

/** localStorage for tests. */
export class Memory extends Map<string, string> {
  getItem(key: string): string | null {
    return this.get(key) ?? null;
  }

  setItem(key: string, value: string): void {
    this.set(key, value);
  }
}
