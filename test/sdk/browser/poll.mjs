// Runs Unleash's browser SDK, unmodified, against a running server: on GET and POST, through the frontend API and through
// the legacy proxy's, it sees flags change and its reports arrive.

import { isDeepStrictEqual } from 'node:util';
import { UnleashClient } from 'unleash-proxy-client';
import { Admin } from '../node/admin.mjs';
import { check, finish } from '../node/console.mjs';
import { readSettings } from '../node/settings.mjs';

const settings = readSettings();
const admin = new Admin(settings);
const flag = 'checkout';

async function until(what, holds) {
  const deadline = Date.now() + settings.deadlineMs;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`${what}: did not happen in time`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

await admin.createFeature({ name: flag, impressionData: true });
await admin.addStrategy(flag, {
  name: 'flexibleRollout',
  parameters: { rollout: '100', stickiness: 'default', groupId: flag },
  constraints: [{ contextName: 'plan', operator: 'IN', values: ['gold'] }],
  variants: [{ name: 'blue', weight: 1000, weightType: 'variable', stickiness: 'default', payload: { type: 'json', value: '{"a":1}' } }],
});
const clientKey = await admin.createToken('browsers', 'frontend');

/** Statuses that the SDKs have got, by SDK. */
const seen = new Map();
// Unleash Edge has no legacy proxy, takes reports with 202, and says only once whether a variant's flag is on.
const foreign = settings.target === 'unleash-edge';
const expectedVariant = {
  name: 'blue', payload: { type: 'json', value: '{"a":1}' }, enabled: true, feature_enabled: true, ...foreign ? {} : { featureEnabled: true },
};

async function connect(name, path, options) {
  const statuses = [];
  seen.set(name, statuses);
  const client = new UnleashClient({
    url: settings.url + path, clientKey, appName: `web-${name}`, refreshInterval: 0.05, metricsInterval: 0.2, metricsIntervalInitial: 0.1,
    environment: 'default', context: { userId: '7', properties: { plan: 'gold' } }, disableRefresh: false,
    fetch: async (url, init) => {
      const response = await fetch(url, init);
      statuses.push(`${init?.method ?? 'GET'} ${new URL(url).pathname.slice(path.length) || '/'} ${response.status}`);
      return response;
    },
    ...options,
  });
  const errors = [];
  const impressions = [];
  client.on('error', (error) => errors.push(error));
  client.on('impression', (impression) => impressions.push(impression));
  await client.start();
  return { name, path, client, errors, impressions };
}

const clients = await Promise.all([
  connect('get', '/api/frontend', {}),
  connect('post', '/api/frontend', { usePOSTrequests: true }),
  connect('alias', '/api/proxy', {}),
  ...foreign ? [] : [connect('legacy', '/proxy', {}), connect('legacy-post', '/proxy', { usePOSTrequests: true })],
]);

for (const { name, client } of clients) check(`${name}: off`, client.isEnabled(flag) === false);

const startedAt = performance.now();
await admin.switchFeature(flag, true);
await Promise.all(clients.map(({ name, client }) => until(`${name} sees it on`, () => client.isEnabled(flag))));
const seenMs = performance.now() - startedAt;

for (const { name, client, errors, impressions } of clients) {
  check(`${name}: on`, client.isEnabled(flag));
  const variant = client.getVariant(flag);
  check(`${name}: variant`, isDeepStrictEqual(variant, expectedVariant), variant);
  check(`${name}: impression`, impressions.some((one) => one.featureName === flag && one.enabled), impressions);
  await client.updateContext({ userId: '7', properties: { plan: 'lead' } });
  // Not at once: the SDK drops this request when the next poll begins.
  await until(`${name}: off for another context`, () => client.isEnabled(flag) === false);
  await client.updateContext({ userId: '7', properties: { plan: 'gold' } });
  check(`${name}: no errors`, errors.length === 0, errors.map(String));
}

for (const { name } of clients) {
  await until(`${name} polls with a tag`, () => seen.get(name).some((status) => status.endsWith(' 304') || status.startsWith('POST / 200')));
  await until(`${name} has reported`, () => seen.get(name).includes(`POST /client/metrics ${foreign ? 202 : 200}`));
  const answers = [...new Set(seen.get(name))];
  check(`${name}: nothing but 200 and 304`, answers.every((status) => (foreign ? /(200|202|304)$/ : /(200|304)$/).test(status)), answers);
}
await until('metrics are stored', async () => {
  const { seenApplications } = await admin.call('GET', `/client-metrics/features/${flag}`);
  return clients.every(({ name }) => seenApplications?.includes(`web-${name}`));
});
check('metrics arrive', true);
for (const { client } of clients) client.stop();

finish({ seenMs });
process.exit(); // a metrics timer of the SDK outlives stop()
