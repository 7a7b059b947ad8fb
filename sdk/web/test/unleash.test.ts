import assert from 'node:assert/strict';
import { test } from 'node:test';
import { InMemoryStorageProvider, UnleashClient } from 'unleash-proxy-client';
import { pushUpdates } from '../src/unleash.js';
import { Backend, toggle, until } from './backend.js';

test('the stock client fetches when something has changed, and is followed to other contexts', async (t) => {
  const backend = await Backend.start(t);
  backend.toggles = [toggle('a')];
  const client = new UnleashClient({
    url: backend.url, clientKey: 'secret', appName: 'stock', disableMetrics: true, refreshInterval: 3_600, context: { userId: '1' },
    storageProvider: new InMemoryStorageProvider(), usePOSTrequests: true,
  });
  await client.start();
  t.after(() => client.stop());
  const update = client.updateToggles;
  const stop = pushUpdates(client, { url: backend.url, token: 'secret', timing: { retry: 2 } });
  await until('the stream', () => backend.streams.size === 1);
  backend.put([toggle('b')]);
  await until('the push', () => client.isEnabled('b'));

  await client.updateContext({ userId: '2' });
  await until('a stream for the other context', () => backend.asked('/stream').at(-1)!.body.context.userId === '2');
  backend.put([toggle('c')]);
  await until('another push', () => client.isEnabled('c'));

  stop();
  await until('the stream ends', () => !backend.streams.size);
  assert.equal(client.updateToggles, update);
});
