// Flag state in one normal form, so that what a suite wants, what the Admin API was told, what
// /api/client answers and what an SDK holds can be compared. Only spelling is normalised away
// (absent defaults, order where none is meant, ids of segments); anything that could change an
// evaluation stays.

import { isDeepStrictEqual } from 'node:util';

/** The parameters a server fills in for a gradual rollout that leaves them out. */
export const rolloutDefaults = (featureName) => ({ groupId: featureName, rollout: '100', stickiness: 'default' });

/** What a server adds to a flag that is switched on without any strategy: on for everybody. */
const onForEverybody = (featureName) => ({ name: 'flexibleRollout', parameters: rolloutDefaults(featureName) });

/**
 * The normal form of a list of features, by name. `segments` are those the features refer to by
 * id; an SDK that has resolved them already may give objects in place of ids.
 */
export function normalise(features, segments = []) {
  const byId = new Map(segments.map((segment) => [segment.id, segment]));
  const entries = features.map((feature) => [feature.name, normaliseFeature(feature, byId)]);
  return new Map(entries.sort(([a], [b]) => order(a, b)));
}

function normaliseFeature(feature, segments) {
  const { name, enabled } = feature;
  const strategies = feature.strategies ?? [];
  const effective = enabled && strategies.length === 0 ? [onForEverybody(name)] : strategies;
  return {
    name,
    enabled,
    type: feature.type ?? 'release',
    description: feature.description ?? null,
    stale: feature.stale ?? false,
    impressionData: feature.impressionData ?? false,
    strategies: effective.map((strategy) => normaliseStrategy(name, strategy, segments)),
    variants: (feature.variants ?? []).map(normaliseVariant),
    dependencies: unique((feature.dependencies ?? []).map(normaliseDependency)),
  };
}

function normaliseStrategy(featureName, strategy, segments) {
  const defaults = strategy.name === 'flexibleRollout' ? rolloutDefaults(featureName) : {};
  const parameters = { ...defaults, ...strategy.parameters };
  for (const key of Object.keys(parameters)) parameters[key] = String(parameters[key]);
  return {
    name: strategy.name,
    parameters,
    constraints: (strategy.constraints ?? []).map(normaliseConstraint),
    segments: unique((strategy.segments ?? []).map((segment) => normaliseSegment(segment, segments))),
    variants: (strategy.variants ?? []).map(normaliseVariant),
  };
}

function normaliseSegment(segment, segments) {
  const found = typeof segment === 'object' ? segment : segments.get(segment);
  return found ? unique(found.constraints.map(normaliseConstraint)) : 'missing';
}

function normaliseConstraint(constraint) {
  return {
    contextName: constraint.contextName,
    operator: constraint.operator,
    values: [...(constraint.values ?? [])].sort(order),
    value: constraint.value ?? '',
    inverted: constraint.inverted ?? false,
    caseInsensitive: constraint.caseInsensitive ?? false,
  };
}

function normaliseVariant(variant) {
  return {
    name: variant.name,
    weight: variant.weight,
    stickiness: variant.stickiness ?? 'default',
    payload: variant.payload ?? null,
    overrides: (variant.overrides ?? []).map(({ contextName, values }) => ({ contextName, values })),
  };
}

function normaliseDependency(dependency) {
  return {
    feature: dependency.feature,
    enabled: dependency.enabled ?? true,
    variants: [...(dependency.variants ?? [])].sort(order),
  };
}

/**
 * Where two normal forms differ, one line a feature; empty when they mean the same. `ignored` are
 * names that may be there in any form, or not at all.
 */
export function difference(wanted, seen, ignored = new Set()) {
  const lines = [];
  for (const [name, feature] of wanted) {
    if (ignored.has(name)) continue;
    const other = seen.get(name);
    if (!other) lines.push(`${name} is missing`);
    else if (!isDeepStrictEqual(feature, other)) lines.push(`${name}: ${describe(feature, other)}`);
  }
  for (const name of seen.keys()) {
    if (!wanted.has(name) && !ignored.has(name)) lines.push(`${name} should not be there`);
  }
  return lines;
}

function describe(wanted, seen) {
  const parts = [];
  for (const key of Object.keys(wanted)) {
    if (isDeepStrictEqual(wanted[key], seen[key])) continue;
    parts.push(`${key} is ${JSON.stringify(seen[key])}, wanted ${JSON.stringify(wanted[key])}`);
  }
  return parts.join('; ');
}

/** Code-unit order, the same on every machine. */
export const order = (a, b) => (a < b ? -1 : Number(a > b));

function unique(items) {
  const texts = new Map(items.map((item) => [JSON.stringify(item), item]));
  return [...texts.keys()].sort(order).map((text) => texts.get(text));
}
