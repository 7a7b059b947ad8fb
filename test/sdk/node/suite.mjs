// The client specification as it is published: suites of a state and of cases to evaluate in it.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const require = createRequire(import.meta.url);
const folder = join(dirname(require.resolve('@unleash/client-specification/package.json')), 'specifications');

/** The package version of the specification in use. */
export const specificationVersion = require('@unleash/client-specification/package.json').version;

/**
 * Every suite in the order of the specification's index. A suite has
 * - `name`;
 * - `events`: the steps that build its state, in the delta API's vocabulary;
 * - `live`: whether the specification itself wants the steps seen one after another;
 * - `final`: {features, segments} once all steps are done;
 * - `cases`: {description, toggleName, context, expected, kind: 'enabled' | 'variant'}.
 */
export function readSuites(names = []) {
  const index = JSON.parse(readFileSync(join(folder, 'index.json'), 'utf8'));
  const suites = index.map((file) => readSuite(file.replace(/\.json$/, '')));
  if (names.length === 0) return suites;
  return suites.filter(({ name }) => names.some((wanted) => name.startsWith(wanted)));
}

function readSuite(name) {
  const { state, tests = [], variantTests = [] } = JSON.parse(readFileSync(join(folder, `${name}.json`), 'utf8'));
  const events = state.events ?? [{ type: 'hydration', features: state.features, segments: state.segments ?? [] }];
  return {
    name,
    events,
    live: events.length > 1,
    final: replay(events),
    cases: [
      ...tests.map((test) => ({ ...test, kind: 'enabled', expected: test.expectedResult })),
      ...variantTests.map((test) => ({ ...test, kind: 'variant', expected: test.expectedResult })),
    ],
  };
}

/** The state that a list of delta events adds up to. */
export function replay(events) {
  let features = new Map();
  let segments = new Map();
  for (const event of events) {
    switch (event.type) {
      case 'hydration':
        features = new Map(event.features.map((feature) => [feature.name, feature]));
        segments = new Map(event.segments.map((segment) => [segment.id, segment]));
        break;
      case 'feature-updated':
        features.set(event.feature.name, event.feature);
        break;
      case 'feature-removed':
        features.delete(event.featureName);
        break;
      case 'segment-updated':
        segments.set(event.segment.id, event.segment);
        break;
      case 'segment-removed':
        segments.delete(event.segmentId);
        break;
      default:
        throw new Error(`the specification has a new event type: ${event.type}`);
    }
  }
  return { features: [...features.values()], segments: [...segments.values()] };
}
