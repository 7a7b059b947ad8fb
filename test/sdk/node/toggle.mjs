// Measures how long a committed change takes to reach the SDK in streaming mode, and checks that
// changes arrive in order:
//
//   node toggle.mjs --url http://127.0.0.1:4242 --admin-token '*:*.secret' --toggles 100 \
//        --psql 'host=/run/postgresql dbname=pennon'
//
// One flag is switched back and forth, each time after the SDK has seen the last change, through
// the Admin API and (with --psql) by SQL: `--psql ask` leaves that to the starter. Then flags are changed without waiting for the SDK.

import { Admin } from './admin.mjs';
import { check, finish, say } from './console.mjs';
import { now, Psql, Starter, toggleStatements } from './psql.mjs';
import { Sdk } from './sdk.mjs';
import { readSettings } from './settings.mjs';

const settings = readSettings();
const admin = new Admin(settings);
const flags = ['toggle.latency', 'toggle.burst.a', 'toggle.burst.b', 'toggle.burst.c', 'toggle.burst.d'];
const [latency, ...burst] = flags;

/** Resolves to the time at which the SDK first held `enabled` for the flag. */
async function seen(sdk, feature, enabled) {
  await sdk.until(`${feature} ${enabled ? 'on' : 'off'}`, () => sdk.client.isEnabled(feature) === enabled);
  return now();
}

async function throughAdmin(enabled) {
  const sentAt = now();
  await admin.switchFeature(latency, enabled);
  return { sentAt, answeredAt: now() };
}

function openSql() {
  if (!settings.psql) return undefined;
  return settings.psql === 'ask' ? new Starter() : new Psql(settings.psql);
}

async function throughSql(sql, enabled) {
  const statement = settings.toggleSql || toggleStatements[settings.target];
  return sql.commit(statement, { feature: latency, environment: settings.environment, enabled });
}

/** Switches the flag back and forth; resolves to the times from the write to the SDK. */
async function measure(name, sdk, write) {
  const sinceSent = [];
  let beforeAnswer = 0;
  for (let index = 0; index < settings.toggles; index += 1) {
    const enabled = !sdk.client.isEnabled(latency);
    const [at, { sentAt, answeredAt }] = await Promise.all([seen(sdk, latency, enabled), write(enabled)]);
    sinceSent.push(at - sentAt);
    if (at <= answeredAt) beforeAnswer += 1;
  }
  const figures = { toggles: settings.toggles, beforeAnswer, sinceSentMs: spread(sinceSent) };
  check(`every change through ${name} reaches the SDK`, sinceSent.length === settings.toggles, figures);
  return figures;
}

function spread(values) {
  if (values.length === 0) return {};
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share) => Number(sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))].toFixed(3));
  return { min: at(0), p50: at(0.5), p90: at(0.9), p99: at(0.99), max: at(1) };
}

/**
 * Numbers the description of several flags upwards, flags side by side, without waiting for the
 * SDK. It may miss numbers (changes are coalesced) but must never step back, and ends on the last.
 */
async function runBurst(sdk) {
  const observed = new Map(burst.map((name) => [name, []]));
  const look = () => {
    for (const name of burst) {
      const number = Number(sdk.feature(name)?.description);
      if (observed.get(name).at(-1) !== number) observed.get(name).push(number);
    }
  };
  sdk.client.on('changed', look);
  await Promise.all(
    burst.map(async (name) => {
      for (let number = 1; number <= settings.burst; number += 1) await admin.describeFeature(name, String(number));
    }),
  );
  const last = () => burst.map((name) => Number(sdk.feature(name).description));
  await sdk.until('the end of the burst', () => last().every((number) => number === settings.burst), {
    describe: () => `it holds ${last()}`,
  });
  sdk.client.off('changed', look);

  const numbers = [...observed.values()];
  const inOrder = numbers.every((list) => list.every((number, index) => index === 0 || number > list[index - 1]));
  check('a burst arrives in order and ends on the last change', inOrder, numbers);
  const count = numbers.reduce((sum, list) => sum + list.length, 0);
  return { changes: burst.length * settings.burst, observed: count, inOrder };
}

async function main() {
  const token = await admin.createToken(`toggle ${Date.now()}`);
  for (const name of flags) {
    await admin.createFeature({ name, description: '0' });
    await admin.addStrategy(name, { name: 'default', parameters: {}, constraints: [] });
  }
  const sdk = new Sdk({ ...settings, token, mode: 'streaming' });
  const sql = openSql();
  const result = {};
  try {
    await sdk.synchronized();
    await sdk.until('the flags', () => flags.every((name) => sdk.feature(name)));
    result.admin = await measure('the Admin API', sdk, throughAdmin);
    if (sql) result.sql = await measure('SQL', sdk, (enabled) => throughSql(sql, enabled));
    result.burst = await runBurst(sdk);
    check('the SDK still streams', sdk.fetching === 'streaming', sdk.switches);
    check('the SDK has no error or warning', sdk.troubles.length === 0, sdk.troubles);
  } catch (error) {
    check('the SDK keeps up', false, error.message);
  } finally {
    sdk.stop();
    sql?.stop();
    await admin.removeFeatures(flags);
    await admin.deleteToken(token);
  }
  for (const [name, { sinceSentMs }] of Object.entries(result)) {
    if (sinceSentMs) say(`${name}${settings.behind && `, behind ${settings.behind}`}: change to SDK ${sinceSentMs.p50} ms (median), ${sinceSentMs.p99} ms (p99), ${sinceSentMs.max} ms (longest)`);
  }
  finish(result);
}

await main();
