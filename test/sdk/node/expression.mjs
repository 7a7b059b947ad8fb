// A suite's state, expressed through the Admin API. What the server refuses is written down, not
// worked round: whether that was to be expected is for the caller to say.

import { Refused } from './admin.mjs';
import { exactly, ordered, rescaled } from './variant.mjs';
import { normalise, rolloutDefaults } from './state.mjs';

/** An id that no segment has. */
const missingSegment = 2_000_000_000;

export class Expression {
  #admin;
  #variantOrder;
  #keepOthers;
  #segments = new Map();
  #created = new Set();
  #features = new Map();

  /** What was refused: feature name to the Refused error. */
  refused = new Map();

  /** The names of features whose variants only went in with other weights than the suite's. */
  rescaled = new Set();

  /**
   * `variantOrder` is `given` or `name`: the order in which this server answers variants. `parents`
   * is `several` or `one`: how many a flag may have.
   */
  constructor(admin, { variantOrder, parents }) {
    this.#admin = admin;
    this.#variantOrder = variantOrder;
    this.#keepOthers = parents === 'several';
  }

  /** The names of all features the suite has by now, expressed or refused. */
  get names() {
    return new Set([...this.#features.keys(), ...this.refused.keys()]);
  }

  /** What the server was told and took, in normal form: what every reader should come to see. */
  get expected() {
    return normalise([...this.#features.values()], [...this.#segments.values()]);
  }

  /** Applies one event of the suite. */
  async apply(event, suiteName) {
    switch (event.type) {
      case 'hydration':
        for (const segment of event.segments) await this.#addSegment(segment, suiteName);
        await this.#addFeatures(event.features);
        break;
      case 'segment-updated':
        await this.#addSegment(event.segment, suiteName);
        break;
      case 'feature-updated':
        await this.#addFeatures([event.feature]);
        break;
      case 'feature-removed':
        await this.#admin.archiveFeature(event.featureName);
        this.#features.delete(event.featureName);
        break;
      default:
        throw new Error(`no Admin API operation is known for the event ${event.type}`);
    }
  }

  /** Takes away everything that was made, so that the next suite starts from nothing. */
  async remove() {
    const archived = [...this.#created].filter((name) => !this.names.has(name));
    await this.#admin.removeFeatures([...this.#created].filter((name) => this.names.has(name)));
    for (const name of archived) await this.#admin.deleteArchivedFeature(name);
    for (const { id } of this.#segments.values()) await this.#admin.deleteSegment(id);
    this.#created.clear();
    this.#features.clear();
    this.#segments.clear();
    this.refused.clear();
    this.rescaled.clear();
  }

  async #addSegment(segment, suiteName) {
    if (this.#segments.has(segment.id)) throw new Error(`segment ${segment.id} is changed by the suite`);
    const name = `${suiteName}.${segment.name ?? `segment.${segment.id}`}`;
    const { id } = await this.#admin.createSegment({ name, constraints: segment.constraints });
    this.#segments.set(segment.id, { id, constraints: segment.constraints });
  }

  async #addFeatures(features) {
    for (const feature of features) {
      if (this.#created.has(feature.name)) throw new Error(`${feature.name} is changed by the suite`);
      await this.#unlessRefused(feature.name, () => this.#addFeature(feature));
    }
    // Parents' own dependencies first: a server that allows one generation only then takes the
    // larger part of a family and refuses the rest.
    for (const feature of parentsFirst(features)) {
      for (const dependency of feature.dependencies ?? []) {
        await this.#unlessRefused(feature.name, async () => {
          await this.#admin.addDependency(feature.name, dependency, { keepOthers: this.#keepOthers });
          this.#features.get(feature.name).dependencies.push(dependency);
        });
      }
    }
    for (const { name, enabled } of features) {
      if (!enabled) continue;
      await this.#unlessRefused(name, async () => {
        await this.#admin.switchFeature(name, true);
        this.#features.get(name).enabled = true;
      });
    }
  }

  async #addFeature(feature) {
    const { name, description, type, impressionData } = feature;
    await this.#admin.createFeature(feature);
    this.#created.add(name);
    const stored = { name, description, type, impressionData, enabled: false, strategies: [], variants: [], dependencies: [] };
    this.#features.set(name, stored);
    for (const strategy of feature.strategies ?? []) stored.strategies.push(await this.#addStrategy(name, strategy));
    if (feature.variants?.length) {
      stored.variants = await this.#putVariants(name, feature.variants, 'default', (variants) =>
        this.#admin.setVariants(name, variants),
      );
    }
  }

  async #addStrategy(featureName, strategy) {
    const defaults = strategy.name === 'flexibleRollout' ? rolloutDefaults(featureName) : {};
    const sent = {
      name: strategy.name,
      parameters: { ...defaults, ...strategy.parameters },
      constraints: strategy.constraints ?? [],
      segments: (strategy.segments ?? []).map((id) => this.#segments.get(id)?.id ?? missingSegment),
      variants: [],
    };
    if (!strategy.variants?.length) {
      await this.#admin.addStrategy(featureName, sent);
      return sent;
    }
    // A variant without stickiness takes its strategy's; the Admin API wants it spelled out.
    sent.variants = await this.#putVariants(featureName, strategy.variants, sent.parameters.stickiness, (variants) =>
      this.#admin.addStrategy(featureName, { ...sent, variants }),
    );
    return sent;
  }

  async #putVariants(featureName, variants, stickiness, put) {
    const exact = exactly(variants, stickiness);
    try {
      await put(exact);
      return ordered(exact, this.#variantOrder);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
    }
    const scaled = rescaled(variants, stickiness);
    await put(scaled);
    this.rescaled.add(featureName);
    return ordered(scaled, this.#variantOrder);
  }

  async #unlessRefused(name, operation) {
    if (this.refused.has(name)) return;
    try {
      await operation();
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      this.refused.set(name, error);
    }
  }
}

function parentsFirst(features) {
  const byName = new Map(features.map((feature) => [feature.name, feature]));
  const sorted = new Set();
  const visit = (feature, path) => {
    if (!feature || sorted.has(feature) || path.has(feature)) return;
    for (const dependency of feature.dependencies ?? []) visit(byName.get(dependency.feature), new Set([...path, feature]));
    sorted.add(feature);
  };
  for (const feature of features) visit(feature, new Set());
  return sorted;
}
