// What the package has to live through in a browser.

const timing = { retry: 50, retryMax: 200, climb: 300, poll: 100 };

/** Opens a client in the page and waits until it is ready. */
const open = (page, options, more) => page.evaluate(([o, m]) => window.open(o, m), [options, more]);
const on = (page, name) => page.evaluate((flag) => window.client.isEnabled(flag), name);
const mode = (page) => page.evaluate(() => window.client.mode);
const seen = (page) => page.evaluate(() => window.seen);

async function streams({ admin, check, gateway, result, tab, token, until, url }, stream) {
  const page = await tab();
  await open(page, { url, token, stream, context: { userId: 'alice', properties: { plan: 'pro' } } });
  check('the first flags are those of the context', await on(page, 'new-shop') && !(await on(page, 'hidden-from-alice')));
  await until('it streams', async () => (await mode(page)) === 'streaming');
  const bytes = gateway.open()[0].text.length;

  await admin.switchFeature('hidden-from-alice', false);
  await admin.switchFeature('hidden-from-alice', true);
  const before = Date.now();
  await admin.switchFeature('common', false);
  await until('the push', async () => !(await on(page, 'common')));
  const { updates, updatedAt } = await seen(page);
  result[`${stream}Ms`] = updatedAt - before;
  check('a change is there within two seconds', updatedAt - before < 2_000, updatedAt - before);
  check('it names the flag, and nothing else has come', updates.length === 2 && updates[1].join() === 'common', updates);
  const pushed = gateway.open()[0].text.slice(bytes);
  check('what concerns others sends no byte', /^event: update\nid: \S+\ndata: \{"updated":\[\],"removed":\["common"\]\}\n\n$/.test(pushed), pushed);
  check('one stream was opened, and nothing polled', gateway.streams().length === 1 && !gateway.polls().length, gateway.requests);
  const [{ url: asked }] = gateway.streams();
  check('neither the token nor the context is in a URL', !asked.includes('alice') && !asked.includes(token), asked);
  await admin.switchFeature('common', true);
  await until('it is on again', () => on(page, 'common'));
  check('the page has nothing to complain of', !page.noise.length, page.noise);
}

async function threeTabs({ admin, check, gateway, result, tab, token, until, url }) {
  const options = { url, token, context: { userId: 'alice' } };
  const pages = [await tab(), await tab(), await tab()];
  for (const page of pages) await open(page, options, { worker: '/shared-worker.js' });
  check('three tabs hold one stream', gateway.open().length === 1 && gateway.streams().length === 1, gateway.requests.length);
  check('all are ready', (await Promise.all(pages.map((page) => on(page, 'new-shop')))).every(Boolean));

  const before = Date.now();
  await admin.switchFeature('common', false);
  for (const page of pages) await until('the push', async () => !(await on(page, 'common')));
  const moments = await Promise.all(pages.map(async (page) => (await seen(page)).updatedAt - before));
  result.threeTabsMs = Math.max(...moments);
  check('all hear of a change within two seconds', Math.max(...moments) < 2_000, moments);

  await open(pages[2], { ...options, context: { userId: 'bob' } }, { worker: '/shared-worker.js' });
  check('another context has a stream of its own', gateway.open().length === 2 && await on(pages[2], 'hidden-from-alice'), gateway.open().length);
  await pages[2].close();
  await until('it ends with its tab', () => gateway.open().length === 1);
  await pages[0].close();
  await admin.switchFeature('common', true);
  await until('the tab that is left is served on', () => on(pages[1], 'common'));
  check('the stream outlived the tab that opened it', gateway.streams().filter(({ sent }) => sent.includes('alice')).length === 1, gateway.streams().length);
  await pages[1].close();
  await until('the last tab ends the stream', () => gateway.open().length === 0);

  const lonely = await tab();
  await open(lonely, options, { worker: '/missing.js' });
  check('without the script a tab has a stream of its own', (await mode(lonely)) === 'streaming' && gateway.open().length === 1);
  const old = await tab();
  await old.evaluate(() => { delete window.SharedWorker; });
  await open(old, options, { worker: '/shared-worker.js' });
  check('without SharedWorker as well', (await mode(old)) === 'streaming' && gateway.open().length === 2);
}

async function restart({ admin, ask, check, gateway, tab, token, until, url }, stream) {
  const page = await tab();
  // It must not poll meanwhile: what a poll brings has no id to go on from.
  await open(page, { url, token, stream, timing: { ...timing, poll: 0 }, context: { userId: 'alice' } });
  await until('it streams', async () => (await mode(page)) === 'streaming');
  // A server that has just started may end a stream at once; it is the one after that which is followed.
  await until('the stream has an id', () => gateway.open().length === 1 && /id: \S+/.test(gateway.open()[0].text));
  const [first] = gateway.open();
  const id = first.text.match(/id: (\S+)/)[1];
  await ask('restart');
  const next = () => gateway.streams().slice(gateway.streams().indexOf(first) + 1).find(({ ended }) => !ended);
  await until('it is back', async () => (await mode(page)) === 'streaming' && next());
  const again = next();
  const named = stream === 'fetch' ? again.headers['last-event-id'] : new URL(again.url, url).searchParams.get('lastEventId');
  check('it comes back with the id it had', named === id, gateway.requests.map(({ method, url: at, status, ended }) => [method, at, status, ended]));
  await until('the opening', () => again.text.includes('\n\n'));
  check('it is sent nothing that it holds', !again.text.includes('data:'), again.text);
  await admin.switchFeature('common', false);
  await until('the push', async () => !(await on(page, 'common')));
  await admin.switchFeature('common', true);
  await until('the next', () => on(page, 'common'));
  const { updates } = await seen(page);
  check('the restart changed nothing', updates.length === 3, updates);
}

async function fallback({ admin, check, gateway, tab, token, until, url }) {
  gateway.refuse = 429;
  const page = await tab();
  await open(page, { url, token, timing, context: { userId: 'alice' } });
  check('a client that is refused polls', (await mode(page)) === 'polling' && gateway.polls().length > 0);
  await until('an answer that is not sent twice', () => gateway.polls().some(({ status }) => status === 304));
  await admin.switchFeature('common', false);
  await until('the change is polled', async () => !(await on(page, 'common')));
  gateway.refuse = 0;
  await until('it climbs back', async () => (await mode(page)) === 'streaming');
  await admin.switchFeature('common', true);
  await until('the push', () => on(page, 'common'));
  const { updates } = await seen(page);
  check('on the way nothing flickered', updates.length === 3, updates);
}

async function hiddenTab({ admin, check, gateway, tab, token, until, url }) {
  const page = await tab();
  await open(page, { url, token, timing: { ...timing, hidden: 50 }, context: { userId: 'alice' } });
  await on(page, 'common');
  const hide = (hidden) => page.evaluate((value) => {
    if (value) Object.defineProperty(document, 'visibilityState', { value: 'hidden', configurable: true });
    else delete document.visibilityState; // it is visible in truth
    document.dispatchEvent(new Event('visibilitychange'));
  }, hidden);
  await hide(true);
  await until('the stream of a hidden tab ends', async () => gateway.open().length === 0 && (await mode(page)) === 'offline');
  const reports = () => gateway.requests.filter(({ path, sent }) => path.endsWith('/client/metrics') && sent.includes('common'));
  await until('usage is reported', () => reports().some(({ status }) => status > 0));
  check('usage is taken', reports().every(({ status }) => status < 300), reports().map(({ status }) => status));
  await admin.switchFeature('common', false);
  check('a hidden tab hears nothing', await on(page, 'common'));
  await hide(false);
  await until('it catches up', async () => !(await on(page, 'common')));
  check('it resumes', gateway.streams()[1].headers['last-event-id'], gateway.streams()[1].headers);
  await admin.switchFeature('common', true);
  await until('it is on again', () => on(page, 'common'));
}

async function visits({ check, gateway, tab, token, until, url }) {
  const options = { url, token, context: { userId: 'alice' } };
  const page = await tab();
  await open(page, options);
  const first = await seen(page);
  await page.reload();
  const early = await page.evaluate((o) => {
    window.open(o);
    return [window.client.isEnabled('new-shop'), window.client.ready];
  }, options);
  check('a second visit has its flags before anything is fetched', early[0] && !early[1], early);
  await until('it is ready', () => page.evaluate(() => window.client.ready));
  check('they were right', !(await seen(page)).updates.length, await seen(page));
  check('they were not sent again', !gateway.streams()[1].text.includes('hydration'),
    { first, requests: gateway.requests });
}

async function rendering({ admin, check, gateway, tab, until }) {
  const page = await tab('/rendered');
  const text = () => page.evaluate(() => document.getElementById('root').textContent);
  const served = await (await page.context().request.get(page.url())).text();
  check('the server renders the flags of its user', served.includes('<h1>The new shop</h1><p>spring</p>'), served);
  await until('it streams', async () => (await mode(page)) === 'streaming');
  const [shown, problems] = await page.evaluate(() => [window.shown, window.problems]);
  check('the page comes to life without a flicker', !shown.length && !problems.length && !page.noise.length, { shown, problems, noise: page.noise });
  await admin.switchFeature('new-shop', false);
  await until('the push is rendered', async () => (await text()).startsWith('The old shop'));
  const changes = await page.evaluate(() => window.shown);
  check('once', changes.length === 1 && changes[0] === 'The old shopspring5 %', changes);
  await admin.switchFeature('new-shop', true);
  await until('and back', async () => (await text()).startsWith('The new shop'));
  check('one stream was opened', gateway.streams().filter(({ sent }) => sent.includes('rendered')).length === 1);
}

async function stockClient({ admin, check, gateway, result, tab, token, until, url }) {
  const page = await tab();
  await page.evaluate((o) => window.stock(o), { url, token, userId: 'alice' });
  await until('the stream', () => gateway.open().length === 1);
  await until('the first look round', () => gateway.polls().length === 2);
  const { updates } = await seen(page);
  const before = Date.now();
  await admin.switchFeature('common', false);
  await until('unleash-proxy-client has the change', async () => !(await on(page, 'common')));
  result.stockMs = Date.now() - before;
  check('it fetched once for it', gateway.polls().length === 3 && (await seen(page)).updates === updates + 1, gateway.polls().length);
  await admin.switchFeature('common', true);
  await until('and the next', () => on(page, 'common'));
  await page.evaluate(() => window.client.updateContext({ userId: 'bob' }));
  await until('another context is followed', () => gateway.open().length === 1 && gateway.open()[0].sent.includes('bob'));
  check('with its flags', await on(page, 'hidden-from-alice') && !(await on(page, 'new-shop')));
  await page.evaluate(() => window.stop());
  await until('it can be taken off', () => gateway.open().length === 0);
}

async function demo({ admin, check, tab, token, until, url }) {
  const page = await tab(`/examples/web/?url=${encodeURIComponent(url)}&token=${encodeURIComponent(token)}&user=alice`);
  const row = (name) => page.evaluate((flag) => document.querySelector(`[data-flag="${flag}"]`)?.textContent || '', name);
  await until('the flags are shown', async () => (await row('common')).length > 0);
  await admin.switchFeature('common', false);
  await until('the change is shown', async () => (await row('common')).includes('off'));
  await admin.switchFeature('common', true);
  await until('and the next', async () => !(await row('common')).includes('off'));
  check('the page has nothing to complain of', !page.noise.length, page.noise);
  if (process.env.PENNON_SCREENSHOT) await page.screenshot({ path: process.env.PENNON_SCREENSHOT });
}

export const scenarios = {
  'a stream by fetch': (t) => streams(t, 'fetch'),
  'a stream by EventSource': (t) => streams(t, 'eventsource'),
  'a SharedWorker': threeTabs,
  'a restart, by fetch': (t) => restart(t, 'fetch'),
  'a restart, by EventSource': (t) => restart(t, 'eventsource'),
  'the fallback': fallback,
  'a hidden tab': hiddenTab,
  'a second visit': visits,
  'React, rendered on a server': rendering,
  'unleash-proxy-client': stockClient,
  'the example': demo,
};
