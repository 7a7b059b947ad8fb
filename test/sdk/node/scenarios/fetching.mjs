// The ordinary life of an SDK: it registers, polls, is told that nothing changed, sends metrics.

/** The SDK registers and sends metrics, and the server accepts both with 202. */
export async function registers({ check, open, flag }) {
  const { sdk, wire } = await open('polling', { options: { disableMetrics: false } });
  const statusOf = (path) => wire.exchanges.find((exchange) => exchange.path === path)?.status;
  const answered = (path) =>
    sdk.until(`an answer to ${path}`, () => statusOf(path) !== undefined, { events: ['exchange'], emitter: wire });

  await sdk.synchronized();
  await answered('/api/client/register');
  check('registration is answered with 202', statusOf('/api/client/register') === 202, statusOf('/api/client/register'));
  sdk.client.isEnabled(flag);
  await sdk.client.flushMetrics();
  await answered('/api/client/metrics');
  check('metrics are answered with 202', statusOf('/api/client/metrics') === 202, statusOf('/api/client/metrics'));
  check('the SDK has no error or warning', sdk.troubles.length === 0, sdk.troubles);
}

/** Polling gets 304 while nothing changes and 200 once something has. */
export const polls = (fixture) => follows(fixture, 'polling', '/api/client/features');

/** So does polling for deltas. */
export const deltas = (fixture) => follows(fixture, 'delta', '/api/client/delta');

async function follows({ check, open, toggle }, mode, path) {
  const { sdk, wire } = await open(mode);
  await sdk.synchronized();
  let unchanged = 0;
  sdk.client.on('unchanged', () => {
    unchanged += 1;
  });
  await sdk.until('a 304', () => unchanged > 0, { events: ['unchanged'] });
  check(`${mode} gets 304 while nothing changes`, true);
  await toggle([sdk]);
  check(`${mode} sees a change`, true);
  const paths = new Set(wire.exchanges.map((exchange) => exchange.path));
  check(`${mode} asks ${path} only`, paths.size === 1 && paths.has(path), [...paths]);
  check(`${mode} has no error or warning`, sdk.troubles.length === 0, sdk.troubles);
}
