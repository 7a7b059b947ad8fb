import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Backend, toggle, until } from './backend.js';

test('a stream brings the flags, and then what changes', async (t) => {
  const backend = await Backend.start(t);
  backend.toggles = [toggle('a'), toggle('b')];
  const client = backend.client(t, { context: { userId: '7', properties: { plan: 'pro' } }, toggles: ['a', 'b', 'c'] });
  const updates: string[][] = [];
  client.on('update', ({ changed }) => updates.push(changed));
  await client.start();
  assert.equal(client.mode, 'streaming');
  assert.deepEqual(updates, [['a', 'b']]);
  const [opening] = backend.requests;
  assert.equal(opening!.headers.authorization, 'secret');
  assert.equal(opening!.body.context.userId, '7');
  assert.equal(opening!.body.context.appName, 'web');
  assert.match(opening!.body.context.sessionId, /^\d+$/);
  assert.deepEqual(opening!.body.toggles, ['a', 'b', 'c']);

  const kept = client.peek('b');
  backend.put([toggle('c')], ['a']);
  await until('the change', () => client.isEnabled('c'));
  assert.equal(client.isEnabled('a'), false);
  assert.equal(client.peek('b'), kept);
  assert.deepEqual(updates[1], ['a', 'c']);
  assert.equal(backend.requests.length, 1);
});

test('a cut stream resumes where it was, and says nothing if nothing was missed', async (t) => {
  const backend = await Backend.start(t);
  backend.toggles = [toggle('a')];
  const client = backend.client(t);
  await client.start();
  client.on('update', () => assert.fail('nothing has changed'));
  const { id } = backend;
  backend.cut('retry: 3\n\n');
  await until('it is back', () => backend.streams.size && backend.requests.length === 2);
  assert.equal(backend.requests[1]!.headers['last-event-id'], id);
  await until('it streams', () => client.mode === 'streaming');
});

for (const status of [404, 429, 501]) {
  test(`a client that is refused with ${status} polls, and climbs back`, async (t) => {
    const backend = await Backend.start(t);
    backend.refuse = status;
    backend.toggles = [toggle('a')];
    const client = backend.client(t);
    client.on('error', (error) => assert.fail(error));
    await client.start();
    assert.equal(client.mode, 'polling');
    await until('an answer that is not sent twice', () => backend.asked('').at(-1)!.headers['if-none-match']);
    backend.toggles = [toggle('b')];
    await until('the change', () => client.peek('b') && !client.peek('a'));
    backend.refuse = 0;
    await until('a stream', () => client.mode === 'streaming');
    backend.put([toggle('c')]);
    await until('a push', () => client.peek('c'));
  });
}

test('streams that break again and again make the client poll', async (t) => {
  const backend = await Backend.start(t);
  backend.refuse = 503;
  backend.toggles = [toggle('a')];
  const client = backend.client(t, { timing: { climb: 60_000 } });
  const errors: (number | undefined)[] = [];
  client.on('error', ({ status }) => errors.push(status));
  await client.start();
  assert.ok(client.peek('a'), 'the first flags are not waited for');
  await until('three attempts', () => backend.asked('/stream').length === 3);
  assert.ok(errors.includes(503));
  await until('polls', () => backend.asked('').length > 5);
  assert.equal(backend.asked('/stream').length, 3);
});

test('when the server was away, streams are tried first', async (t) => {
  const backend = await Backend.start(t);
  const client = backend.client(t, { timing: { climb: 60_000 } });
  await client.start();
  backend.down = 502;
  backend.cut();
  await until('polls fail', () => backend.asked('').length > 3);
  assert.equal(client.mode, 'connecting');
  assert.equal(client.lastError?.status, 502);
  backend.down = 0;
  backend.put([toggle('a')]);
  await until('a stream', () => client.mode === 'streaming' && client.peek('a'));
  assert.equal(client.lastError, undefined);
});

test('a silent stream is given up', async (t) => {
  const backend = await Backend.start(t);
  const client = backend.client(t, { timing: { idle: 20 } });
  await client.start();
  await until('another stream', () => backend.asked('/stream').length > 1);
});

test('a page where there should be a stream is none', async (t) => {
  const backend = await Backend.start(t);
  const client = backend.client(t, {
    fetch: (input, init) => (String(input).endsWith('/stream')
      ? Promise.resolve(new Response('<html>', { headers: { 'Content-Type': 'text/html' } })) : fetch(input, init)),
  });
  await client.start();
  assert.equal(client.mode, 'polling');
});

test('streaming can be left out', async (t) => {
  const backend = await Backend.start(t);
  const client = backend.client(t, { stream: 'off' });
  await client.start();
  await until('polls', () => backend.asked('').length > 3);
  assert.equal(backend.asked('/stream').length, 0);
});
