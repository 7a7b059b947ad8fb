// Runs Unleash's React SDK, unmodified, against a running server: rendered on a server with what it was given, rendered in a
// document, where its hooks follow flags and the context, and reporting usage.

import { JSDOM } from 'jsdom';
import { Admin } from '../node/admin.mjs';
import { check, finish } from '../node/console.mjs';
import { readSettings } from '../node/settings.mjs';

const settings = readSettings();
const admin = new Admin(settings);
const flag = 'new-checkout';

const document = new JSDOM('<div id="root"></div>', { url: 'http://localhost/' });
const answers = [];
const reported = []; // what it says in metrics about the flag, once they are answered
const plainFetch = globalThis.fetch;
globalThis.fetch = async (url, init) => {
  const response = await plainFetch(url, init);
  const { pathname } = new URL(url);
  if (pathname.startsWith('/api/frontend')) answers.push(`${init?.method ?? 'GET'} ${pathname} ${response.status}`);
  if (pathname.endsWith('/client/metrics')) reported.push(JSON.parse(init.body).bucket.toggles[flag] ?? {});
  return response;
};

const { createElement, useEffect } = await import('react');
const { renderToString } = await import('react-dom/server');
const react = await import('@unleash/proxy-client-react');

function Checkout({ asked = () => {} }) {
  const enabled = react.useFlag(flag);
  const variant = react.useVariant(flag);
  const { flagsReady, flagsError } = react.useFlagsStatus();
  const updateContext = react.useUnleashContext();
  const names = react.useFlags().map(({ name }) => name).join();
  useEffect(() => asked(updateContext));
  return createElement('p', { 'data-ready': flagsReady, 'data-error': Boolean(flagsError), 'data-names': names },
    enabled ? `on, ${variant.name}` : 'off');
}

async function until(what, holds) {
  const deadline = Date.now() + settings.deadlineMs;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`${what}: did not happen in time`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

const clientKey = await admin.createToken('react', 'frontend');
const config = {
  url: `${settings.url}/api/frontend`, clientKey, appName: 'web-react', refreshInterval: 0.05, metricsInterval: 0.2, metricsIntervalInitial: 0.1,
  context: { userId: '7', properties: { plan: 'gold' } },
};

const bootstrap = [{ name: flag, enabled: true, impressionData: false, variant: { name: 'green', enabled: true, feature_enabled: true } }];
const rendered = renderToString(createElement(react.FlagProvider, { config: { ...config, bootstrap }, startClient: false }, createElement(Checkout)));
check('a server renders what it was given, and asks nobody', rendered.includes('>on, green<') && answers.length === 0, { rendered, answers });

for (const name of ['window', 'document', 'navigator', 'localStorage']) {
  Object.defineProperty(globalThis, name, { value: document.window[name], configurable: true });
}
const { createRoot } = await import('react-dom/client');
let updateContext;
const root = createRoot(globalThis.document.getElementById('root'));
root.render(createElement(react.FlagProvider, { config }, createElement(Checkout, { asked: (update) => { updateContext = update; } })));
const paragraph = () => globalThis.document.querySelector('p');
const shows = (text) => until(`the page shows ${text}`, () => paragraph()?.textContent === text);

await until('the provider is ready', () => paragraph()?.dataset.ready === 'true');
check('off', paragraph().textContent === 'off' && paragraph().dataset.names === '', paragraph().outerHTML);
const startedAt = performance.now();
await admin.switchFeature(flag, true);
await shows('on, green');
const seenMs = performance.now() - startedAt;
check('the hooks follow the flag', paragraph().dataset.names === flag, paragraph().outerHTML);
await updateContext({ userId: '7', properties: { plan: 'lead' } });
await shows('off');
check('the hooks follow the context', paragraph().dataset.names === '', paragraph().outerHTML);
await updateContext({ userId: '7', properties: { plan: 'gold' } });
await shows('on, green');
check('without errors', paragraph().dataset.error === 'false', paragraph().outerHTML);

await until('metrics are sent', () => reported.some(({ no }) => no > 0) && reported.some(({ yes, variants }) => yes > 0 && variants?.green > 0));
await until('it polls with a tag', () => answers.includes('GET /api/frontend 304'));
const kinds = [...new Set(answers)];
check('nothing but 200 and 304', kinds.every((kind) => /(200|304)$/.test(kind)), kinds);

root.unmount();
finish({ seenMs });
// The test asks the server for what has arrived; timers of the SDK's would keep the script alive.
process.exit();
