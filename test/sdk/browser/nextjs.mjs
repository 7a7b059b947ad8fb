// Opens the page of the Next.js example in a browser: what it shows from its first byte on is what it shows once React has
// taken over and the SDK has asked for itself, and it follows the flag from then on. The flag is on when the page opens.

import { check, finish } from '../node/console.mjs';
import { Admin } from '../node/admin.mjs';
import { readSettings } from '../node/settings.mjs';
import { openBrowser } from './chromium.mjs';

const settings = readSettings();
const admin = new Admin(settings);
const flag = 'new-checkout';

const browser = await openBrowser();
try {
  const page = await browser.newPage();
  page.setDefaultTimeout(settings.deadlineMs);
  const troubles = [];
  page.on('pageerror', (error) => troubles.push(String(error)));
  page.on('console', (message) => message.type() === 'error' && troubles.push(message.text()));
  const answers = [];
  page.on('response', (response) => {
    const { pathname } = new URL(response.url());
    if (pathname.startsWith('/api/frontend')) answers.push(`${response.request().method()} ${pathname} ${response.status()}`);
  });

  // Writes down every text that the element ever shows, from before the first byte of the page.
  await page.addInitScript(() => {
    window.shown = [];
    const look = () => {
      const text = document.getElementById('browser')?.textContent;
      if (text && text !== window.shown.at(-1)) window.shown.push(text);
    };
    new MutationObserver(look).observe(document, { childList: true, subtree: true, characterData: true });
  });
  const shown = () => page.evaluate(() => window.shown);
  const shows = (text) => page.waitForFunction((wanted) => document.getElementById('browser').textContent === wanted, text);
  const answered = async (count, counts) => {
    const deadline = Date.now() + settings.deadlineMs;
    while (answers.filter(counts).length < count) {
      if (Date.now() > deadline) throw new Error(`the page did not ask that often: ${answers}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  };
  const poll = (answer) => /^GET \/api\/frontend (200|304)$/.test(answer);

  await page.goto(process.env.PENNON_PAGE);
  await page.waitForSelector('[data-hydrated=true]');
  await answered(2, poll);
  check('the text never changes while the page becomes alive', JSON.stringify(await shown()) === '["new-checkout is on, green"]', await shown());
  check('the page has its session before any script runs', (await page.context().cookies()).some(({ name }) => name === 'session'));

  await admin.switchFeature(flag, false);
  await shows('new-checkout is off');
  check('the open page follows the flag', true);
  await page.reload();
  await page.waitForSelector('[data-hydrated=true]');
  await answered(answers.filter(poll).length + 2, poll);
  check('no flag of an earlier visit flickers', JSON.stringify(await shown()) === '["new-checkout is off"]', await shown());

  await admin.switchFeature(flag, true);
  await shows('new-checkout is on, green');
  check('and on again', true);
  // A page reports two seconds after it opened, then each half minute: the report may have gone long before this line.
  await answered(1, (answer) => answer.startsWith('POST /api/frontend/client/metrics'));
  check('metrics are sent', true);

  const kinds = [...new Set(answers)].sort();
  check('nothing but 200 and 304', kinds.every((kind) => /(200|304)$/.test(kind)), kinds);
  check('no errors in the browser, of hydration least of all', troubles.length === 0, troubles);
} finally {
  await browser.close();
}
finish({});
