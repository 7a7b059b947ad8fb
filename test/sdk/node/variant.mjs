// How a suite's variants are put to an Admin API. Suites give weights that add up to anything;
// Unleash's Admin API rescales them to 1000, wants one variant of weight type `variable`, and
// answers them ordered by name. Both change which bucket a user falls into, so the exact list is
// tried first and the rescaled one is only what a server leaves us.

import { order } from './state.mjs';

const total = (variants) => variants.reduce((sum, { weight }) => sum + weight, 0);

/** The list as the suite has it: weights fixed, nothing for a server to share out. */
export const exactly = (variants, stickiness) =>
  variants.map((variant) => ({ ...variant, weightType: 'fix', stickiness: variant.stickiness ?? stickiness }));

/** The list with weights in the same proportion that add up to 1000, the last one variable. */
export function rescaled(variants, stickiness) {
  const sum = total(variants);
  const scaled = exactly(variants, stickiness).map((variant) => ({
    ...variant,
    weight: Math.floor((variant.weight * 1000) / sum),
  }));
  const last = scaled.at(-1);
  last.weightType = 'variable';
  last.weight += 1000 - total(scaled);
  return scaled;
}

/** The order in which a target hands variants out. */
export const ordered = (variants, by) => (by === 'name' ? [...variants].sort((a, b) => order(a.name, b.name)) : variants);
