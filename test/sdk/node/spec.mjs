// Runs the client specification through the real SDK against a running server:
//
//   node spec.mjs --url http://127.0.0.1:4242 --admin-token '*:*.secret' --modes polling,streaming
//
// Each suite is expressed through the Admin API while SDKs in every mode are already connected, so
// that in streaming mode its flags arrive as pushed changes; then a second SDK of each mode
// connects and is given the same flags in one answer. Every case is evaluated in both. SDKs of other
// languages (--elsewhere '[{"name","command"}]') are held to the same, in both ways. The project
// must be empty, and is empty again afterwards. With --discover the result holds what was found to
// be inexpressible, in the form of the lists in inexpressible/.

import { isDeepStrictEqual } from 'node:util';
import { Admin } from './admin.mjs';
import { check, finish, say } from './console.mjs';
import { Elsewhere } from './elsewhere.mjs';
import { Expression } from './expression.mjs';
import { readExpectation } from './expectation.mjs';
import { Sdk, sdkVersion } from './sdk.mjs';
import { readSettings } from './settings.mjs';
import { difference, normalise } from './state.mjs';
import { readSuites, specificationVersion } from './suite.mjs';

const settings = readSettings();
const admin = new Admin(settings);
const expectation = readExpectation(settings.target);
const discovered = { features: [], cases: [] };
const counts = Object.fromEntries(
  [...settings.modes, ...settings.elsewhere.map(({ name }) => name)].map((mode) => [mode, { suites: 0, cases: 0, passed: 0, failed: 0, inexpressible: 0, restated: 0 }]),
);

async function main() {
  const existing = [...(await admin.features()), ...(await admin.segments())];
  if (existing.length > 0) throw new Error(`project ${settings.project} must be empty, has ${existing[0].name}`);
  const suites = readSuites(settings.suites);
  await ensureStrategyTypes(suites);
  const token = await admin.createToken(`client specification ${Date.now()}`);
  const connected = connect(token);
  const others = settings.elsewhere.map((sdk) => new Elsewhere(sdk, { ...settings, token }));
  try {
    await Promise.all(connected.map((sdk) => sdk.synchronized()));
    for (const suite of suites) await runSuite(suite, token, connected, others);
    for (const sdk of connected) reportTroubles(sdk, 'all suites');
  } catch (error) {
    check('the specification runs to its end', false, error.message);
  } finally {
    for (const sdk of connected) sdk.stop();
    await Promise.all(others.map((sdk) => sdk.stop()));
    await admin.deleteToken(token);
  }
  for (const [mode, { cases, passed, inexpressible }] of Object.entries(counts)) {
    const left = inexpressible > 0 ? ` (${inexpressible} the Admin API cannot express)` : '';
    const sdk = settings.modes.includes(mode) ? `unleash-node-sdk ${sdkVersion} (${mode})` : mode;
    const behind = settings.behind && `, behind ${settings.behind}`;
    say(`client specification through ${sdk}${behind}: ${passed}/${cases} cases${left}`);
  }
  const found = settings.discover ? { discovered } : {};
  finish({ specification: specificationVersion, sdk: sdkVersion, modes: counts, ...found });
}

function connect(token) {
  return settings.modes.map((mode) => new Sdk({ ...settings, token, mode }));
}

/** Defines the strategy types the suites use where a server no longer ships them. */
async function ensureStrategyTypes(suites) {
  if (settings.target !== 'unleash') return;
  const known = new Set(await admin.strategyTypes());
  const features = suites.flatMap(({ final }) => final.features);
  const used = new Set(features.flatMap(({ strategies }) => strategies.map(({ name }) => name)));
  for (const name of used) if (!known.has(name)) await admin.createStrategyType(name);
}

async function runSuite(suite, token, connected, others) {
  const expression = new Expression(admin, expectation);
  try {
    for (const event of suite.events) {
      await expression.apply(event, suite.name);
      if (suite.live) await everywhere(suite, expression, connected);
    }
    compareWithExpectation(suite, expression);
    await everywhere(suite, expression, connected);
    await compareWithServer(suite, expression, token);
    await evaluateCases(suite, expression, token, connected);
    await Promise.all(others.map((sdk) => evaluateElsewhere(suite, expression, sdk).catch((error) => {
      check(`${suite.name} runs (${sdk.name})`, false, error.message);
    })));
  } catch (error) {
    check(`${suite.name} runs`, false, error.message);
    for (const mode of settings.modes) {
      counts[mode].cases += suite.cases.length;
      counts[mode].failed += suite.cases.length;
    }
  }
  await expression.remove();
  if (settings.target === 'unleash') return; // it takes a second; that the flags are gone is seen in the next suite
  const nothing = normalise([]);
  await Promise.all(connected.map((sdk) => sdk.holds(nothing)));
}

/** The features of a suite with an operator that what stands between does not know. */
function alteredIn(suite) {
  const altered = ({ operator }) => settings.altering.includes(operator);
  return suite.final.features.filter(({ strategies }) => strategies?.some(({ constraints }) => constraints?.some(altered))).map(({ name }) => name);
}

function voidNames(suite, expression) {
  return expectation.void(suite, [...expression.refused.keys(), ...alteredIn(suite)]);
}

/** Waits until every connected SDK holds what has been expressed. */
async function everywhere(suite, expression, sdks) {
  const ignored = voidNames(suite, expression);
  await Promise.all(sdks.map((sdk) => sdk.holds(expression.expected, ignored)));
}

function compareWithExpectation(suite, expression) {
  const lines = expectation.disagreements(suite.name, expression.refused, expression.rescaled);
  check(`${suite.name}: what cannot be expressed is listed`, lines.length === 0, lines);
  for (const [feature, error] of expression.refused) {
    discovered.features.push({ suite: suite.name, feature, how: 'refused', reason: error.message });
  }
}

/** Compares /api/client/features with the suite, with segments by reference and inlined. */
async function compareWithServer(suite, expression, token) {
  const { expected } = expression;
  const ignored = voidNames(suite, expression);
  const { features, segments } = await fetchFeatures(token, { 'unleash-client-spec': '5.2.0' });
  const seen = normalise(features, segments);
  const lines = difference(expected, seen, ignored);
  check(`${suite.name}: client/features equals the suite`, lines.length === 0, lines);

  for (const feature of [...expectation.listed(suite.name, 'altered'), ...alteredIn(suite).filter((name) => expected.has(name))]) {
    const altered = difference(new Map([[feature, expected.get(feature)]]), new Map([[feature, seen.get(feature)]]));
    check(`${suite.name}: ${feature} is altered, as listed`, altered.length > 0, 'it turned out to be expressible');
  }

  const old = await fetchFeatures(token, {});
  if (settings.altering.length > 0) {
    check(`${suite.name}: segments are not inlined, as listed`, old.segments !== undefined);
    return;
  }
  check(`${suite.name}: without a spec version there are no segments`, old.segments === undefined);
  const inlined = difference(inline(expected), inline(normalise(old.features)), ignored);
  check(`${suite.name}: inlined segments equal the suite`, inlined.length === 0, inlined);
}

async function fetchFeatures(token, headers) {
  const response = await fetch(`${settings.url}/api/client/features`, { headers: { authorization: token, ...headers } });
  if (!response.ok) throw new Error(`client/features answered ${response.status}`);
  return response.json();
}

/** The normal form with every segment's constraints moved into the strategies that use it. */
function inline(state) {
  const sorted = (constraints) => constraints.map((each) => JSON.stringify(each)).sort();
  const move = (strategy) => ({
    ...strategy,
    segments: [],
    constraints: sorted([...strategy.constraints, ...strategy.segments.flat()]),
  });
  return new Map([...state].map(([name, feature]) => [name, { ...feature, strategies: feature.strategies.map(move) }]));
}

async function evaluateCases(suite, expression, token, connected) {
  const fresh = connect(token);
  try {
    await Promise.all(fresh.map((sdk) => sdk.synchronized()));
    await everywhere(suite, expression, fresh);
    const ignored = voidNames(suite, expression);
    for (const [index, mode] of settings.modes.entries()) {
      evaluateIn(counts[mode], suite, ignored, connected[index], fresh[index]);
    }
    for (const sdk of fresh) reportTroubles(sdk, suite.name);
  } finally {
    for (const sdk of fresh) sdk.stop();
  }
}

function evaluateIn(count, suite, ignored, connected, fresh) {
  count.suites += 1;
  for (const each of suite.cases) {
    if (ignored.has(each.toggleName)) {
      count.inexpressible += 1;
      continue;
    }
    count.cases += 1;
    const { restated, value } = expectation.resultOf(suite.name, each);
    const results = [connected.evaluate(each), fresh.evaluate(each)];
    const passed = results.every((result) => isDeepStrictEqual(result, value));
    if (passed) count.passed += 1;
    else count.failed += 1;
    if (restated) count.restated += 1;
    check(`${suite.name} (${connected.mode}): ${each.description}`, passed, { wanted: value, results });
    if (!isDeepStrictEqual(results[0], each.expected) && connected.mode === settings.modes[0]) {
      discovered.cases.push({ suite: suite.name, case: each.description, instead: results[0], reason: '' });
    }
  }
}

/** Has an SDK of another language evaluate what is expressible. */
async function evaluateElsewhere(suite, expression, sdk) {
  const count = counts[sdk.name];
  const ignored = voidNames(suite, expression);
  const cases = suite.cases.filter(({ toggleName }) => !ignored.has(toggleName));
  const wanted = cases.map((each) => sdk.resultOf(suite.name, each, expectation.resultOf(suite.name, each).value));
  const results = { pushed: await sdk.pushed(cases, wanted), fetched: await sdk.fetched(cases) };
  count.suites += 1;
  count.inexpressible += suite.cases.length - cases.length;
  for (const [index, { description }] of cases.entries()) {
    const seen = [results.pushed[index], results.fetched[index]];
    const passed = seen.every((result) => isDeepStrictEqual(result, wanted[index]));
    count.cases += 1;
    if (passed) count.passed += 1;
    else count.failed += 1;
    check(`${suite.name} (${sdk.name}): ${description}`, passed, { wanted: wanted[index], results: seen });
  }
}

/** Warnings an SDK gives about a suite's own content, which say nothing against the server. */
const suiteWarnings = [/^Missing (strategy|dependency) /, /Unknown operator/i];

function reportTroubles(sdk, when) {
  const troubles = sdk.troubles.filter(({ message }) => !suiteWarnings.some((pattern) => pattern.test(message)));
  check(`no error or warning in the SDK (${sdk.mode}), ${when}`, troubles.length === 0, troubles);
  const way = sdk.mode === 'streaming' ? 'streaming' : 'polling';
  check(`the SDK (${sdk.mode}) still fetches by ${way}, ${when}`, sdk.fetching === way);
}

await main();
