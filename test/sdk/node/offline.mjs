// Proves the harness without a server: the SDK, given each suite's state directly, evaluates every
// case as the specification says, so that a failure through a server is the server's. It also
// derives the lists of inexpressible/ anew: with variants rescaled and ordered the way a target
// does it, exactly the listed cases change, and to exactly the listed results.

import { isDeepStrictEqual } from 'node:util';
import { check, finish, say } from './console.mjs';
import { readExpectation } from './expectation.mjs';
import { Sdk, sdkVersion } from './sdk.mjs';
import { readSuites, specificationVersion } from './suite.mjs';
import { ordered, rescaled } from './variant.mjs';

const suites = readSuites();

/** An SDK that holds a state and never asks a server. */
async function given({ features, segments }) {
  const bootstrap = { data: features, segments };
  const sdk = new Sdk({ url: 'http://127.0.0.1:9', token: '', mode: 'polling', pollMs: 0, deadlineMs: 5000, options: { bootstrap } });
  await sdk.synchronized();
  return sdk;
}

async function evaluateSpecification() {
  let passed = 0;
  let cases = 0;
  for (const suite of suites) {
    const sdk = await given(suite.final);
    for (const each of suite.cases) {
      const result = sdk.evaluate(each);
      const ok = check(`${suite.name}: ${each.description}`, isDeepStrictEqual(result, each.expected), result);
      cases += 1;
      if (ok) passed += 1;
    }
    sdk.stop();
  }
  say(`client specification in unleash-node-sdk ${sdkVersion} without a server: ${passed}/${cases} cases`);
  return { cases, passed };
}

async function evaluateList(target) {
  const expectation = readExpectation(target);
  for (const { suite, feature } of expectation.features) {
    const found = suites.find(({ name }) => name === suite)?.final.features.some(({ name }) => name === feature);
    check(`${target}: ${suite} has the feature ${feature}`, found);
  }
  const changed = [];
  for (const suite of suites) {
    const sdk = await given({ ...suite.final, features: suite.final.features.map((each) => restated(each, expectation)) });
    for (const each of suite.cases) {
      const result = sdk.evaluate(each);
      if (!isDeepStrictEqual(result, each.expected)) changed.push({ suite: suite.name, case: each.description, instead: result });
    }
    sdk.stop();
  }
  const listed = expectation.cases.map(({ suite, case: name, instead }) => ({ suite, case: name, instead }));
  check(`${target}: the listed cases are those that rescaled variants change`, isDeepStrictEqual(changed, listed), { changed, listed });
}

function restated(feature, { variantWeights, variantOrder }) {
  if (variantWeights === 'given') return feature;
  const restate = (variants, stickiness) => (variants?.length ? ordered(rescaled(variants, stickiness), variantOrder) : []);
  const strategies = feature.strategies.map((strategy) => ({
    ...strategy,
    variants: restate(strategy.variants, strategy.parameters?.stickiness),
  }));
  return { ...feature, strategies, variants: restate(feature.variants, 'default') };
}

const result = await evaluateSpecification();
for (const target of ['unleash', 'pennon']) await evaluateList(target);
finish({ specification: specificationVersion, sdk: sdkVersion, ...result });
