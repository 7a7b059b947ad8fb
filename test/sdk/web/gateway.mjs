// Stands between the browser and the server, as a load balancer does, and sees every byte.

import { createServer, request as open } from 'node:http';

const streams = ['/api/frontend/stream'];

/** Starts a gateway to `target`. Its `url` is another origin than the site's, so that CORS is in play. */
export async function startGateway(target) {
  const gateway = {
    /** The status that streams are refused with; 0: they are let through. */
    refuse: 0,
    /** All requests but preflights: method, path, headers and body, status, and the text that was answered so far. */
    requests: [],
    /** The requests of streams that are open. */
    open: () => gateway.streams().filter(({ ended }) => !ended),
    streams: () => gateway.requests.filter(({ path, status }) => streams.includes(path) && status === 200),
    polls: () => gateway.requests.filter(({ path }) => path === '/api/frontend'),
  };
  const server = createServer((incoming, outgoing) => {
    const path = incoming.url.split('?')[0];
    const seen = { method: incoming.method, path, url: incoming.url, headers: incoming.headers, sent: '', status: 0, text: '', ended: false };
    if (incoming.method !== 'OPTIONS') gateway.requests.push(seen);
    if (gateway.refuse && streams.includes(path) && incoming.method !== 'OPTIONS') {
      seen.status = gateway.refuse;
      outgoing.writeHead(gateway.refuse, { 'Access-Control-Allow-Origin': '*' }).end();
      return;
    }
    const { hostname, port } = new URL(target);
    // A connection of its own: one that is kept may be closed by the server at the moment it is used again.
    const passed = open({ agent: false, hostname, port, method: incoming.method, path: incoming.url, headers: incoming.headers }, (response) => {
      seen.status = response.statusCode;
      outgoing.writeHead(response.statusCode, response.headers);
      outgoing.flushHeaders();
      response.on('data', (chunk) => { seen.text += chunk; outgoing.write(chunk); });
      response.on('end', () => outgoing.end());
      response.on('error', () => outgoing.destroy());
      response.on('close', () => { seen.ended = true; });
    });
    passed.on('error', () => { seen.ended = true; outgoing.destroy(); });
    incoming.on('data', (chunk) => { seen.sent += chunk; passed.write(chunk); });
    incoming.on('end', () => passed.end());
    outgoing.on('close', () => { seen.ended = true; passed.destroy(); });
  });
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  gateway.url = `http://127.0.0.1:${server.address().port}/api/frontend`;
  gateway.close = () => { server.close(); server.closeAllConnections(); };
  return gateway;
}
