// Gives a test the package to work with in the page.

import { createClient } from '@pennon/web';
import { pushUpdates } from '@pennon/web/unleash';
import { sharedWorker } from '@pennon/web/worker';
import { UnleashClient } from 'unleash-proxy-client';

window.open = (options, { worker } = {}) => {
  const client = createClient({ ...options, connect: worker ? sharedWorker(worker) : undefined });
  const seen = { updates: [], modes: [], errors: [], updatedAt: 0 };
  client.on('update', ({ changed }) => {
    seen.updates.push(changed);
    seen.updatedAt = Date.now();
  });
  client.on('mode', (mode) => seen.modes.push(mode));
  client.on('error', ({ message }) => seen.errors.push(message));
  Object.assign(window, { client, seen });
  return client.start();
};

window.stock = async ({ url, token, userId }) => {
  const client = new UnleashClient({ url, clientKey: token, appName: 'stock', refreshInterval: 3_600, metricsInterval: 3_600, context: { userId } });
  const seen = { updates: 0 };
  client.on('update', () => { seen.updates += 1; });
  await client.start();
  Object.assign(window, { client, seen, stop: pushUpdates(client, { url, token }) });
};
