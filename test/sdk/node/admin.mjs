// A small client of the Admin API: one method per operation the tests need, bodies as the
// published Unleash OpenAPI document has them.

/** An operation the server answered with 4xx: what it does not let a caller express. */
export class Refused extends Error {
  constructor(operation, status, body) {
    super(`${operation} answered ${status}: ${body.slice(0, 500)}`);
    this.name = 'Refused';
    this.operation = operation;
    this.status = status;
  }
}

export class Admin {
  /** Talks to `adminUrl` with an admin token, about one project and one environment. */
  constructor({ adminUrl, adminToken, project, environment, target, deadlineMs }) {
    this.url = adminUrl;
    this.token = adminToken;
    this.project = project;
    this.environment = environment;
    // The Unleash server ends when a flag is deleted before it has noted, a moment later, that the flag was archived. So
    // archived flags stay there until their names are needed again.
    this.archived = target === 'unleash' ? new Set() : undefined;
    this.deadlineMs = deadlineMs;
  }

  async call(method, path, body) {
    const operation = `${method} /api/admin${path}`;
    const response = await fetch(`${this.url}/api/admin${path}`, {
      method,
      headers: { authorization: this.token, 'content-type': 'application/json' },
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: AbortSignal.timeout(this.deadlineMs),
    });
    const text = await response.text();
    if (response.ok) return text ? JSON.parse(text) : undefined;
    // A server that fails has not refused anything: 5xx, and 401/429 which say nothing about
    // the body, must never be taken for "cannot be expressed".
    if (response.status >= 500 || response.status === 401 || response.status === 429) {
      throw new Error(`${operation} answered ${response.status}: ${text.slice(0, 500)}`);
    }
    throw new Refused(operation, response.status, text);
  }

  features() {
    return this.call('GET', `/projects/${this.project}/features`).then(({ features }) => features);
  }

  async createFeature({ name, description, type, impressionData }) {
    if (this.archived?.delete(name)) await this.call('DELETE', `/archive/${encodeURIComponent(name)}`);
    const body = { name, description: description ?? undefined, type, impressionData };
    return this.call('POST', `/projects/${this.project}/features`, body);
  }

  describeFeature(name, description) {
    const patch = [{ op: 'replace', path: '/description', value: description }];
    return this.call('PATCH', this.featurePath(name), patch);
  }

  archiveFeature(name) {
    return this.call('DELETE', this.featurePath(name));
  }

  deleteArchivedFeature(name) {
    if (this.archived) return this.archived.add(name);
    return this.call('DELETE', `/archive/${encodeURIComponent(name)}`);
  }

  switchFeature(name, enabled) {
    const state = enabled ? 'on' : 'off';
    return this.call('POST', `${this.featurePath(name)}/environments/${this.environment}/${state}`);
  }

  addStrategy(name, strategy) {
    const path = `${this.featurePath(name)}/environments/${this.environment}/strategies`;
    return this.call('POST', path, strategy);
  }

  setVariants(name, variants) {
    const body = { environments: [this.environment], variants };
    return this.call('PUT', `${this.featurePath(name)}/variants-batch`, body);
  }

  /** Adds a parent; `keepOthers`, Pennon's own, adds it to those there are instead of replacing them. */
  addDependency(name, dependency, { keepOthers = false } = {}) {
    const query = keepOthers ? '?keepOthers=true' : '';
    return this.call('POST', `${this.featurePath(name)}/dependencies${query}`, dependency);
  }

  removeDependencies(name) {
    return this.call('DELETE', `${this.featurePath(name)}/dependencies`);
  }

  segments() {
    return this.call('GET', '/segments').then(({ segments }) => segments);
  }

  createSegment({ name, constraints }) {
    return this.call('POST', '/segments', { name, constraints });
  }

  deleteSegment(id) {
    if (this.archived) return undefined; // archived flags use it
    return this.call('DELETE', `/segments/${id}`);
  }

  strategyTypes() {
    return this.call('GET', '/strategies').then(({ strategies }) => strategies.map((s) => s.name));
  }

  createStrategyType(name) {
    return this.call('POST', '/strategies', { name, parameters: [] });
  }

  /** Creates an SDK token of `type` (backend or frontend) and resolves to its secret. */
  async createToken(tokenName, type = 'backend') {
    const body = { tokenName, type, environment: this.environment, projects: [this.project] };
    const { secret } = await this.call('POST', '/api-tokens', body);
    return secret;
  }

  deleteToken(secret) {
    return this.call('DELETE', `/api-tokens/${encodeURIComponent(secret)}`);
  }

  /** Takes flags away, for good where that can be, children before the parents they depend on. */
  async removeFeatures(names) {
    const left = new Set(names);
    for (const name of left) {
      const { dependencies } = await this.call('GET', this.featurePath(name));
      if (dependencies?.length) await this.removeDependencies(name);
    }
    for (const name of left) await this.archiveFeature(name);
    for (const name of left) await this.deleteArchivedFeature(name);
  }

  featurePath(name) {
    return `/projects/${this.project}/features/${encodeURIComponent(name)}`;
  }
}
