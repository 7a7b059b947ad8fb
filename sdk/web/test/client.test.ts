import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createClient, fetchFlags, type Impression } from '../src/index.js';
import { Backend, carries, Memory, toggle, until } from './backend.js';

const offline = (...toggles: ReturnType<typeof toggle>[]) => createClient<Record<string, any>>({
  url: 'http://127.0.0.1:1/api/frontend', token: 't', storage: null, bootstrap: { toggles },
});

test('values have the type of the fallback', () => {
  const client = offline(
    toggle('on'), toggle('text', carries('string', 'hi')), toggle('number', carries('number', '2.5')),
    toggle('json', carries('json', '{"a":1}')), toggle('no', carries('json', 'false')), toggle('named', { name: 'blue', enabled: true }),
  );
  assert.equal(client.value('on', false), true);
  assert.equal(client.value('off', true), false, 'once flags are there, one that is not among them is off');
  assert.equal(client.value('no', true), false);
  assert.equal(client.value('text', true), true);
  assert.equal(client.value('text', ''), 'hi');
  assert.equal(client.value('named', ''), 'blue');
  assert.equal(client.value('on', 'fallback'), 'fallback');
  assert.equal(client.value('number', 1), 2.5);
  assert.equal(client.value('text', 1), 1);
  assert.equal(client.value('json', 1), 1);
  assert.deepEqual(client.value('json', {}), { a: 1 });
  assert.deepEqual(client.value('off', { b: 2 }), { b: 2 });
  assert.deepEqual(client.getVariant('text'), { name: 'v', enabled: true, feature_enabled: true, payload: { type: 'string', value: 'hi' } });
  assert.deepEqual(client.getVariant('off'), { name: 'disabled', enabled: false, feature_enabled: false });
  const empty = createClient<Record<string, any>>({ url: 'http://127.0.0.1:1', token: 't', storage: null });
  assert.equal(empty.value('off', true), true, 'nothing is known yet');
});

test('bootstrap is ready at once and is brought up to date without a flicker', async (t) => {
  const backend = await Backend.start(t);
  backend.toggles = [toggle('a'), toggle('b')];
  const bootstrap = await fetchFlags({ url: backend.url, token: 'secret', context: { userId: '1' } });
  const client = backend.client(t, { bootstrap });
  assert.ok(client.ready && client.isEnabled('a'));
  client.on('update', () => assert.fail('nothing has changed'));
  const ready = new Promise<void>((done) => { client.on('ready', done); });
  await client.start();
  await ready;
  await until('the stream', () => client.mode === 'streaming');
  assert.deepEqual(client.snapshot(), bootstrap);
});

test('flags are kept between visits, for the same context only', async (t) => {
  const backend = await Backend.start(t);
  backend.toggles = [toggle('a')];
  const storage = new Memory();
  const first = backend.client(t, { storage, context: { userId: 'someone@example.com' } });
  await first.start();
  first.close();
  assert.equal(first.mode, 'offline');
  assert.ok(!JSON.stringify([...storage]).includes('example'));

  const second = backend.client(t, { storage, context: { userId: 'someone@example.com' } });
  assert.equal(second.context.sessionId, first.context.sessionId);
  assert.ok(second.isEnabled('a') && !second.ready, 'there before anything is fetched, but not fresh');
  second.on('update', () => assert.fail('nothing has changed'));
  await second.start();
  assert.ok(backend.requests.at(-1)!.headers['last-event-id'], 'it resumes where the first visit ended');
  assert.equal(backend.client(t, { storage, context: { userId: '2' } }).peek('a'), undefined);
  storage.forEach((_, key) => storage.set(key, '{'));
  assert.equal(backend.client(t, { storage, context: { userId: 'someone@example.com' } }).peek('a'), undefined);
});

test('another context brings its own flags and ends the old stream', async (t) => {
  const backend = await Backend.start(t);
  backend.toggles = [toggle('a')];
  const client = backend.client(t, { context: { userId: '1' } });
  await client.start();
  const [old] = backend.streams;
  backend.toggles = [toggle('b')];
  await client.setContext({ userId: '2' });
  assert.ok(client.isEnabled('b') && !client.isEnabled('a'));
  await until('the old stream ends', () => backend.streams.size === 1 && !backend.streams.has(old!));
  const [one, two] = backend.requests;
  assert.equal(two!.body.context.sessionId, one!.body.context.sessionId);
  assert.equal(two!.headers['last-event-id'], undefined);
  await client.setContext({ userId: '2' });
  assert.equal(backend.requests.length, 2, 'the same context is no change');
});

test('a closed client keeps its flags, and can be started again', async (t) => {
  const backend = await Backend.start(t);
  backend.toggles = [toggle('a')];
  const client = backend.client(t);
  await Promise.all([client.start(), client.start()]);
  client.close();
  await until('the stream ends', () => !backend.streams.size);
  assert.ok(client.isEnabled('a'));
  backend.put([toggle('b')]);
  await client.start();
  await until('what was missed', () => client.isEnabled('b'));
  assert.equal(backend.asked('/stream').length, 2);
});

test('usage is reported', async (t) => {
  const backend = await Backend.start(t);
  backend.toggles = [toggle('a'), toggle('v', carries('string', 'x'))];
  const client = backend.client(t, { appName: 'shop', timing: { metrics: 60_000 } });
  await client.start();
  client.isEnabled('a');
  client.isEnabled('a');
  client.isEnabled('constructor');
  client.getVariant('v');
  client.close();
  await until('a report', () => backend.asked('/client/metrics').length === 1);
  const { appName, instanceId, bucket } = backend.asked('/client/metrics')[0]!.body;
  assert.equal(appName, 'shop');
  assert.ok(instanceId);
  assert.ok(Date.parse(bucket.start) <= Date.parse(bucket.stop));
  assert.deepEqual(bucket.toggles, {
    a: { yes: 2, no: 0, variants: {} }, constructor: { yes: 0, no: 1, variants: {} }, v: { yes: 1, no: 0, variants: { v: 1 } },
  });
  client.close();
  assert.equal(backend.asked('/client/metrics').length, 1, 'nothing is reported twice');
});

test('impressions are told of flags that ask for them, or of all', () => {
  for (const impressionDataAll of [false, true]) {
    const client = createClient<Record<string, any>>({
      url: 'http://127.0.0.1:1', token: 't', storage: null, impressionDataAll, context: { userId: '1' },
      bootstrap: [toggle('shown', {}, { impressionData: true }), toggle('plain')],
    });
    const seen: Impression[] = [];
    const off = client.on('impression', (impression) => seen.push(impression));
    client.isEnabled('shown');
    client.getVariant('shown');
    client.isEnabled('plain');
    off();
    client.isEnabled('shown');
    assert.equal(seen.length, impressionDataAll ? 3 : 2);
    const [{ eventId, context, ...first }] = seen as [Impression];
    assert.deepEqual(first, { eventType: 'isEnabled', enabled: true, featureName: 'shown', variant: undefined, impressionData: true });
    assert.ok(eventId && context.userId === '1');
    assert.equal(seen[1]!.variant, 'disabled');
  }
});

test('fetchFlags says what went wrong', async (t) => {
  const backend = await Backend.start(t);
  backend.down = 401;
  await assert.rejects(fetchFlags({ url: backend.url, token: 'x' }), { status: 401 });
});
