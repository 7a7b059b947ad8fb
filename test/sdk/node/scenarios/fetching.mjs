// The ordinary life of an SDK: it registers, polls, is told that nothing changed, sends metrics.

/** The SDK registers and sends metrics, and the server accepts both with 202. */
export async function registers({ check, open, flag }) {
  const { sdk, wire } = await open('streaming', { options: { disableMetrics: false } });
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

/** Polling, in full and for deltas, gets 304 while nothing changes and 200 once something has. */
export async function polls({ check, open, toggle }) {
  for (const mode of ['polling', 'delta']) {
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
    const path = mode === 'delta' ? '/api/client/delta' : '/api/client/features';
    const paths = new Set(wire.exchanges.map((exchange) => exchange.path));
    check(`${mode} asks ${path} only`, paths.size === 1 && paths.has(path), [...paths]);
    check(`${mode} has no error or warning`, sdk.troubles.length === 0, sdk.troubles);
  }
}
