// Writes answers.json: what the npm package unleash-client 6.12.1 answers for features and contexts drawn at random,
// with the operands that are easy to get wrong over-represented. Run it in a folder where that package is installed:
//
//   npm install unleash-client@6.12.1 && node generate.mjs <seed> <cases> > answers.json
//
// Chance plays no part: random stickiness occurs only where every draw gives the same answer.
import { createRequire } from 'node:module';

const require = createRequire(process.cwd() + '/');
const Client = require('unleash-client/lib/client.js').default;
const { defaultStrategies } = require('unleash-client/lib/strategy/index.js');

let state = Number(process.argv[2] ?? 1);
const next = (n) => {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return Math.floor((state / 4294967296) * n);
};
const pick = (list) => list[next(list.length)];
const some = (list, max) => Array.from({ length: next(max + 1) }, () => pick(list));
const maybe = (chance, value) => (next(100) < chance ? value() : undefined);

const texts = ['', ' ', 'a', ' a ', 'A', 'abc', 'ABC', 'user-7', 'Ångström', 'ÅNGSTRÖM', 'İx', 'x@example.com', 'a,b'];
const numbers = ['0', '7', '-7', '7.0', ' 7 ', '7e0', '0x7', '0b111', '1e400', 'Infinity', '-Infinity', 'inf', 'NaN', '', '7a', '1_0', '.5', '5.', '+7', '1e999999999999'];
const dates = ['2026-01-01T00:00:00.000Z', '2026-01-01', '2026-01-01T01:00:00+01:00', '2025-12-31T23:59:59.999Z', '2026-01-01T00:00:00.0004Z', 'soon', ''];
const versions = ['1.2.3', 'v1.2.3', '1.2.3-rc.1', '1.2.3-rc.2', '1.2.3-rc.10', '1.2.3-rc', '1.2.3-1', '1.2.3+b1', '1.2.4', '1.10.0', '01.2.3', '1.2', '1.2.3-01', '1.2.3-', '1.2.3-a..b', '9007199254740992.0.0', ' 1.2.3 ', 'x', ''];
const addresses = ['10.0.0.7', '10.0.0.7/32', '10.0.0.0/8', '10.1.0.0/16', '010.0.0.7', '10.0.0', '10.0.0.7/33', '0.0.0.0/0', '::1', '::/0', '2001:db8::1', '2001:DB8:0:0:0:0:0:1', '2001:db8::/32', '::ffff:10.0.0.7', '::ffff:10.0.0.0/104', '2001:db8::1%eth0', ':::', '1::2::3', '1:2:3:4:5:6:7:8:9', 'garbage', ''];
const patterns = ['^a', 'a$', '(?i)abc', '[', '(?=a)', '\\d+', '^$', 'Å', ''];
const fields = ['userId', 'sessionId', 'remoteAddress', 'environment', 'appName', 'text', 'number', 'version', 'address', 'absent'];
const operators = {
  IN: texts, NOT_IN: texts, STR_STARTS_WITH: texts, STR_ENDS_WITH: texts, STR_CONTAINS: texts,
  NUM_EQ: numbers, NUM_GT: numbers, NUM_GTE: numbers, NUM_LT: numbers, NUM_LTE: numbers,
  DATE_AFTER: dates, DATE_BEFORE: dates,
  SEMVER_EQ: versions, SEMVER_GT: versions, SEMVER_GTE: versions, SEMVER_LT: versions, SEMVER_LTE: versions,
  REGEX: patterns, IN_CIDR: addresses, NO_SUCH: texts,
};
const fieldFor = { NUM: 'number', SEM: 'version', IN_: 'address', REG: 'text', STR: 'text' };

function constraint() {
  const operator = pick(Object.keys(operators));
  const c = {
    contextName: next(3) > 0 ? (fieldFor[operator.slice(0, 3)] ?? pick(fields)) : pick(fields),
    operator,
    values: some(operators[operator], 4),
  };
  if (next(10) > 0) c.value = pick(operators[operator]);
  if (next(3) === 0) c.inverted = true;
  if (next(3) === 0) c.caseInsensitive = true;
  return c;
}

function variants(random) {
  const list = Array.from({ length: 1 + next(3) }, (_, i) => ({ name: 'v' + i, weight: pick([0, 1, 333, 500]) }));
  if (!random) list[0].stickiness = pick(['userId', 'default']);
  for (const v of list) {
    if (next(3) === 0) v.payload = { type: 'string', value: v.name };
    if (next(4) === 0) v.overrides = [{ contextName: pick(fields), values: some(texts, 3) }];
  }
  return list;
}

const percent = () => pick(['0', '1', '33', '50.5', '66', '99', '100', '', 'x', '200', '-1', '0.5']);
const strategies = {
  default: () => ({}),
  userWithId: () => ({ userIds: pick(['', 'user-7', 'user-1, user-7', ' user-7', 'a,,b', 'user-7 ,a']) }),
  gradualRolloutUserId: () => ({ percentage: percent(), groupId: pick(['', 'g', 'group-name']) }),
  gradualRolloutSessionId: () => ({ percentage: percent(), groupId: pick(['', 'g', 'group-name']) }),
  remoteAddress: () => ({ IPs: pick(['', '10.0.0.7', '10.0.0.0/8,::1', '1.2.3.4 , 10.0.0.7', '2001:db8::1', 'x,y']) }),
  // Never without groupId: servers always send one, and the SDKs disagree on what its absence means.
  // Never sticky to a field with text beyond ASCII: the Node SDK alone hashes that by UTF-16.
  flexibleRollout: () => ({ rollout: percent(), groupId: pick(['g', 'group-name']), stickiness: pick(['userId', 'sessionId', 'number', 'absent', 'default']) }),
  noSuchStrategy: () => ({}),
};

function strategy() {
  const name = pick(Object.keys(strategies));
  const s = { name, parameters: strategies[name](), constraints: Array.from({ length: next(3) }, constraint) };
  if (next(4) === 0) s.segments = some([1, 2, 3], 2);
  if (next(4) === 0) s.variants = variants();
  return s;
}

function suite() {
  const names = ['f0', 'f1', 'f2', 'f3', 'f4', 'f5'];
  const features = names.map((name) => {
    const f = { name, enabled: next(8) > 0, strategies: Array.from({ length: next(4) }, strategy) };
    if (next(2) === 0) f.variants = variants();
    if (next(3) === 0) {
      f.dependencies = [{ feature: pick([...names, 'missing']) }];
      if (next(2) === 0) f.dependencies[0].enabled = next(2) === 0;
      if (next(2) === 0) f.dependencies[0].variants = some(['v0', 'v1', 'disabled'], 2);
    }
    return f;
  });
  const segments = [1, 2].map((id) => ({ id, constraints: Array.from({ length: next(2) + (id - 1) }, constraint) }));
  const contexts = Array.from({ length: 4 }, () => {
    const properties = {};
    for (const [name, list] of [['text', texts], ['number', numbers], ['version', versions], ['address', addresses]]) {
      if (next(6) > 0) properties[name] = pick(list);
    }
    const context = {
      // Without a user and a session, default stickiness would draw.
      userId: pick(['user-7', 'user-1', 'a', '42']),
      sessionId: maybe(80, () => 'session-' + next(50)),
      remoteAddress: maybe(80, () => pick(addresses.filter((a) => a !== ''))),
      appName: maybe(50, () => pick(texts.filter((a) => a !== ''))),
      environment: maybe(50, () => 'production'),
      currentTime: pick(dates.filter((d) => d !== '')),
      properties,
    };
    return context;
  });
  return { features, segments, contexts };
}

const out = [];
for (let i = 0; i < Number(process.argv[3] ?? 100); i++) {
  const s = suite();
  const client = new Client(
    {
      getToggle: (name) => s.features.find((f) => f.name === name),
      getSegment: (id) => s.segments.find((g) => g.id === id),
    },
    defaultStrategies,
  );
  client.on('warn', () => {});
  s.answers = s.contexts.map((context) =>
    s.features.map((f) => {
      const { featureEnabled, ...variant } = client.getVariant(f.name, context);
      if (client.isEnabled(f.name, context, () => false) !== featureEnabled) throw new Error('the SDK disagrees with itself');
      return variant;
    }),
  );
  out.push(s);
}
process.stdout.write(JSON.stringify(out) + '\n');
