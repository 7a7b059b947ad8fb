// What a target's Admin API cannot express, as data with a reason for each item, and the rule
// that keeps the data honest: the run fails on an item that is refused without being listed, and
// just as much on a listed item that turns out to be expressible.

import { readFileSync } from 'node:fs';

/**
 * The list for a target:
 * - `variantWeights`: `given` or `rescaled`, whether the target stores weights as they are sent;
 * - `variantOrder`: `given` or `name`, the order in which the target answers variants;
 * - `parents`: `several` or `one`, how many parents the target lets a flag have;
 * - `features`: {suite, feature, how, reason}: flags that cannot be expressed. `how` is `refused`
 *   (the Admin API answers 4xx) or `altered` (it takes the flag and stores something else);
 * - `cases`: {suite, case, instead, reason}: cases that evaluate, but to something other than the
 *   specification says, because the flag could only be stored with other variant weights.
 */
export function readExpectation(target) {
  const text = readFileSync(new URL(`./inexpressible/${target}.json`, import.meta.url), 'utf8');
  return new Expectation(JSON.parse(text));
}

export class Expectation {
  constructor({ variantWeights, variantOrder, parents, features, cases }) {
    this.variantWeights = variantWeights;
    this.variantOrder = variantOrder;
    this.parents = parents;
    this.features = features;
    this.cases = cases;
  }

  /** The listed features of a suite that are inexpressible in this `how`. */
  listed(suiteName, how) {
    return this.features.filter((item) => item.suite === suiteName && item.how === how).map((item) => item.feature);
  }

  /**
   * The features of a suite whose cases say nothing about the server: the inexpressible ones and
   * those that depend on one.
   */
  void(suite, refused) {
    const names = new Set([...refused, ...this.listed(suite.name, 'altered')]);
    let before;
    do {
      before = names.size;
      for (const { name, dependencies = [] } of suite.final.features) {
        if (dependencies.some((parent) => names.has(parent.feature))) names.add(name);
      }
    } while (names.size > before);
    return names;
  }

  /** Where what the Admin API took of a suite is not what the list says, one line each. */
  disagreements(suiteName, refused, rescaled) {
    const listed = this.listed(suiteName, 'refused');
    const lines = [];
    for (const [name, error] of refused) {
      if (!listed.includes(name)) lines.push(`${name} is refused and not listed: ${error.message}`);
    }
    for (const name of listed) {
      if (!refused.has(name)) lines.push(`${name} is listed as refused and turned out to be expressible`);
    }
    if (this.variantWeights === 'given') {
      for (const name of rescaled) lines.push(`${name} has variants that were only taken with other weights`);
    }
    return lines;
  }

  /** What a case must evaluate to: the specification's word, unless the list has another. */
  resultOf(suiteName, { description, expected }) {
    const item = this.cases.find((each) => each.suite === suiteName && each.case === description);
    return item ? { restated: true, value: item.instead } : { restated: false, value: expected };
  }
}
