// Runs @pennon/web in Chromium: how it streams, shares, resumes, falls back and renders, and what its server sends.

import { existsSync } from 'node:fs';
import { chromium } from 'playwright-core';
import { Admin } from '../node/admin.mjs';
import { ask, check, finish } from '../node/console.mjs';
import { readSettings } from '../node/settings.mjs';
import { startGateway } from './gateway.mjs';
import { scenarios } from './scenarios.mjs';
import { startSite } from './site.mjs';

const settings = readSettings();
const admin = new Admin(settings);
const token = await admin.createToken(`web ${Date.now()}`, 'frontend');
const gateway = await startGateway(settings.url);

/** Waits until something holds, in this process or in a page. */
async function until(what, holds) {
  const deadline = Date.now() + settings.deadlineMs;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`${what}: did not happen in time; requests: ${JSON.stringify(gateway.requests.slice(-5))}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** A flag that is on for everybody, or for some users. */
async function create(name, { users, variants = [], enabled = true } = {}) {
  await admin.createFeature({ name });
  const constraints = users ? [{ contextName: 'userId', operator: 'IN', values: users }] : [];
  await admin.addStrategy(name, {
    name: 'flexibleRollout', constraints, variants, parameters: { rollout: '100', stickiness: 'default', groupId: name },
  });
  if (enabled) await admin.switchFeature(name, true);
}

const variant = (name, type, value) => [{ name, weight: 1000, weightType: 'variable', stickiness: 'default', ...(type && { payload: { type, value } }) }];

await create('new-shop', { users: ['rendered', 'alice'] });
await create('banner', { variants: variant('spring') });
await create('discount', { variants: variant('only', 'number', '5') });
await create('common');
await create('hidden-from-alice', { users: ['bob'] });
await until('the server has the flags', async () => {
  const response = await fetch(gateway.url, { headers: { Authorization: token } });
  return response.ok && (await response.text()).includes('"common"');
});

const site = await startSite({ api: gateway.url, token });
const executablePath = process.env.CHROMIUM || ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(existsSync);
const browser = await chromium.launch({ executablePath, args: process.getuid?.() === 0 ? ['--no-sandbox'] : [] });
const result = {};
try {
  for (const [name, scenario] of Object.entries(scenarios)) {
    gateway.requests.length = 0;
    gateway.refuse = 0;
    const context = await browser.newContext();
    const pages = [];
    /** Opens a tab; those of a scenario share storage and workers. */
    const tab = async (path = '/tab') => {
      const page = await context.newPage();
      page.noise = [];
      page.on('console', (message) => { if (['error', 'warning'].includes(message.type())) page.noise.push(message.text()); });
      page.on('pageerror', (error) => page.noise.push(String(error)));
      await page.goto(site.url + path);
      pages.push(page);
      return page;
    };
    const said = (text, ok, detail) => check(`${name}: ${text}`, ok, detail);
    try {
      await scenario({ admin, ask, check: said, create, gateway, result, site, tab, token, until, url: gateway.url });
    } catch (error) {
      said('runs to its end', false, String(error));
    }
    await context.close();
    await until(`${name}: all streams end with their tabs`, () => gateway.open().length === 0);
  }
} finally {
  await browser.close();
  site.close();
  gateway.close();
}
finish(result);
