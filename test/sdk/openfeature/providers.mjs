// Runs the OpenFeature SDKs with their OFREP providers, for servers and for browsers, against a running server: values,
// types and reasons, what is pushed, and what is not.

import { isDeepStrictEqual } from 'node:util';
import { OFREPProvider } from '@openfeature/ofrep-provider';
import { OFREPWebProvider } from '@openfeature/ofrep-web-provider';
import { OpenFeature as ServerSDK } from '@openfeature/server-sdk';
import { OpenFeature as WebSDK, ProviderEvents } from '@openfeature/web-sdk';
import { Admin } from '../node/admin.mjs';
import { check, finish } from '../node/console.mjs';
import { readSettings } from '../node/settings.mjs';
import { EventSource } from './eventsource.mjs';

const settings = readSettings();
const admin = new Admin(settings);
globalThis.EventSource = EventSource;

/** Requests of the providers, with the status they got. */
const requests = [];
const plainFetch = globalThis.fetch;
const watchedFetch = async (input, init) => {
  const request = new Request(input, init);
  const response = await plainFetch(request);
  requests.push({ url: request.url, status: response.status, ifNoneMatch: request.headers.get('if-none-match') });
  return response;
};

const payload = (type, value) => [{ name: 'only', weight: 1000, weightType: 'variable', stickiness: 'default', payload: { type, value } }];
const flags = {
  switch: [],
  greeting: payload('string', 'hello'),
  limit: payload('number', '42'),
  ratio: payload('number', '0.25'),
  theme: payload('json', '{"dark":true,"sizes":[1,2]}'),
  dormant: payload('string', 'asleep'),
};

async function create(name, variants, constraints = []) {
  await admin.createFeature({ name });
  const parameters = { rollout: '100', stickiness: 'default', groupId: name };
  await admin.addStrategy(name, { name: 'flexibleRollout', parameters, constraints, variants });
  if (name !== 'dormant') await admin.switchFeature(name, true);
}

async function until(what, holds) {
  const deadline = Date.now() + settings.deadlineMs;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`${what}: did not happen in time`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** What both SDKs must say of the flags. Each row: method, flag, default, and the value, reason and error expected. */
const expected = [
  ['Boolean', 'switch', false, true, 'STATIC'],
  ['String', 'greeting', 'code', 'hello', 'STATIC'],
  ['Number', 'limit', 1, 42, 'STATIC'],
  ['Number', 'ratio', 1, 0.25, 'STATIC'],
  ['Object', 'theme', {}, { dark: true, sizes: [1, 2] }, 'STATIC'],
  ['Boolean', 'vip', false, true, 'TARGETING_MATCH'],
];

async function compare(sdk, details) {
  for (const [type, flag, fallback, value, reason] of expected) {
    const got = await details(type, flag, fallback);
    check(`${sdk}: ${flag} is ${JSON.stringify(value)} by ${reason}`,
      isDeepStrictEqual(got.value, value) && got.reason === reason && !got.errorCode, got);
  }
  const metadata = (await details('String', 'greeting', 'code')).flagMetadata;
  check(`${sdk}: metadata tells what SDKs of Unleash's would`,
    isDeepStrictEqual(metadata, { enabled: true, feature_enabled: true, project: 'default', impressionData: false, type: 'string' }), metadata);
  const missing = await details('Boolean', 'missing', true);
  check(`${sdk}: an unknown flag is the code's default`, missing.value === true && missing.errorCode === 'FLAG_NOT_FOUND', missing);
  const wrong = await details('Boolean', 'greeting', true);
  check(`${sdk}: a value of another type is not taken for a switch`, wrong.value === true || wrong.errorCode === 'TYPE_MISMATCH', wrong);
}

async function servers() {
  const token = await admin.createToken(`openfeature server ${Date.now()}`, 'backend');
  await ServerSDK.setProviderAndWait(new OFREPProvider({ baseUrl: settings.url, headers: [['Authorization', `Bearer ${token}`]] }));
  const client = ServerSDK.getClient();
  await until('the server has the flags', async () => client.getBooleanValue('vip', false, { targetingKey: 'alice' }));
  await compare('server', (type, flag, fallback) => client[`get${type}Details`](flag, fallback, { targetingKey: 'alice', plan: 'pro' }));
  const other = await client.getBooleanDetails('vip', true, { targetingKey: 'bob' });
  check('server: another context is answered for itself', other.value === false && other.reason === 'TARGETING_MATCH', other);
  const nested = await client.getBooleanDetails('nested', false, { targetingKey: 'bob', user: { plan: 'pro' } });
  check('server: nested context is seen by its path', nested.value === true, nested);
  await ServerSDK.close();
}

async function browsers() {
  const token = await admin.createToken(`openfeature web ${Date.now()}`, 'frontend');
  const provider = new OFREPWebProvider({
    baseUrl: settings.url, headers: [['X-API-Key', token]], fetchImplementation: watchedFetch, cacheMode: 'disabled',
  });
  await WebSDK.setContext({ targetingKey: 'alice' });
  await WebSDK.setProviderAndWait(provider);
  const client = WebSDK.getClient();
  await compare('web', (type, flag, fallback) => client[`get${type}Details`](flag, fallback));

  const [stream] = EventSource.all;
  await until('the stream opens', () => stream?.readyState === EventSource.OPEN);
  await until('the first look round', () => requests.some(({ status }) => status === 304));
  check('web: what it knows is answered with 304', requests.some(({ status, ifNoneMatch }) => status === 304 && ifNoneMatch), requests);

  const changed = [];
  client.addHandler(ProviderEvents.ConfigurationChanged, ({ flagsChanged }) => changed.push(...(flagsChanged ?? [])));
  const switchedAt = performance.now();
  await admin.switchFeature('switch', false);
  await until('the toggle is pushed', () => client.getBooleanValue('switch', true) === false);
  const pushedMs = performance.now() - switchedAt;
  check('web: the change names the flag', changed.includes('switch') && changed.length === 1, changed);
  check('web: the refetch names its floor', requests.at(-1).url.includes('flagConfigEtag='), requests.at(-1));

  const heard = stream.received.length;
  await admin.addStrategy('vip', {
    name: 'flexibleRollout', parameters: { rollout: '100', stickiness: 'default', groupId: 'vip' },
    constraints: [{ contextName: 'userId', operator: 'IN', values: ['carol'] }],
  });
  await admin.switchFeature('dormant', true); // concerns everybody
  await until('what concerns alice is pushed', () => client.getStringValue('dormant', 'code') === 'asleep');
  check('web: what does not concern the context is not told', stream.received.length === heard + 1, stream.received.slice(heard));
  check('web: one stream was opened, once', EventSource.all.length === 1 && stream.opened === 1, EventSource.all.length);

  await WebSDK.setContext({ targetingKey: 'bob' });
  check('web: another context is answered for itself', client.getBooleanValue('vip', true) === false);
  await until('its stream opens', () => EventSource.all.length === 2 && EventSource.all[1].readyState === EventSource.OPEN);
  check('web: the stream before is closed', stream.readyState === EventSource.CLOSED, stream.readyState);
  await WebSDK.close();
  for (const left of EventSource.all) left.close();
  return pushedMs;
}

for (const [name, variants] of Object.entries(flags)) await create(name, variants);
await create('vip', [], [{ contextName: 'userId', operator: 'IN', values: ['alice'] }]);
await create('nested', [], [{ contextName: 'user.plan', operator: 'IN', values: ['pro'] }]);
await servers();
finish({ pushedMs: await browsers() });
