// How the real SDK behaves when the server restarts, drains, refuses or sheds it:
//
//   node modes.mjs --url http://127.0.0.1:4242 --admin-token '*:*.secret' --scenarios resumes,revokes
//
// `restarts`, `drains` and `sheds` ask the starter of this script to act, and wait for its answer on
// standard input: `restart` the server (or the edge) at the url, let another one `join` (the answer is
// {url, adminUrl}), `drain` the one at a url, `shed` streams with 429, `invite` pollers back to streaming.
//
// Scenarios that cannot pass where they are run are listed with --failing '[{"scenario", "says", "reason"}]':
// they are run all the same, and must fail with a check that contains what the list says.

import { Admin } from './admin.mjs';
import { check, finish, say } from './console.mjs';
import { deltas, polls, registers } from './scenarios/fetching.mjs';
import { refuses, revokes, sheds, stops } from './scenarios/refusing.mjs';
import { drains, rehydrates, restarts, resumes } from './scenarios/resuming.mjs';
import { Sdk, sdkVersion } from './sdk.mjs';
import { readSettings } from './settings.mjs';
import { Wire } from './wire.mjs';

const scenarios = { registers, polls, deltas, resumes, rehydrates, refuses, stops, revokes, restarts, drains, sheds };
const settings = readSettings();
const admin = new Admin(settings);
/** How long a scenario that is to fail waits for what does not come, in milliseconds. */
const patienceInVain = 10_000;

/** How a scenario is to fail; undefined when it is to pass. */
const listed = (name) => settings.failing.find(({ scenario }) => scenario === name);

/** What a scenario is given: the server, a token, SDKs that are closed behind it, and where it tells what it found. */
function fixture(name, token, opened, told) {
  const deadlineMs = listed(name) ? Math.min(settings.deadlineMs, patienceInVain) : settings.deadlineMs;
  const flag = flagOf(name);
  let enabled = false;
  const flip = async () => {
    enabled = !enabled;
    await admin.switchFeature(flag, enabled);
    return enabled;
  };
  return {
    settings,
    admin,
    token,
    flag,
    check: (what, ok, detail) => told.push({ what, ok: Boolean(ok), detail }),
    /** Starts an SDK that talks to the server over a recorded wire. */
    open: async (mode, overrides = {}) => {
      const wire = await Wire.open(settings.url);
      const sdk = new Sdk({ ...settings, deadlineMs, url: wire.url, token, mode, ...overrides });
      opened.push({ sdk, wire });
      return { sdk, wire };
    },
    /** Makes another server the one that is talked to. */
    moveTo: ({ url, adminUrl }) => {
      settings.url = url;
      admin.url = adminUrl;
    },
    /** Switches the flag and resolves to its new state. */
    flip,
    /** Switches the flag and resolves once each of the SDKs has seen it. */
    toggle: async (sdks) => {
      const state = await flip();
      const seen = (sdk) => sdk.until(`the flag ${state ? 'on' : 'off'}`, () => sdk.client.isEnabled(flag) === state);
      await Promise.all(sdks.map(seen));
    },
  };
}

const flagOf = (name) => `modes.${name}`;

/** Runs a scenario; resolves to whether it did what it should: pass, or fail as it is listed to. */
async function run(name) {
  const opened = [];
  const told = [];
  const flag = flagOf(name);
  const token = await admin.createToken(`${name} ${Date.now()}`);
  await admin.createFeature({ name: flag });
  await admin.addStrategy(flag, { name: 'default', parameters: {}, constraints: [] });
  try {
    await scenarios[name](fixture(name, token, opened, told));
  } catch (error) {
    told.push({ what: 'runs to its end', ok: false, detail: error.message });
  }
  for (const { sdk } of opened) sdk.stop();
  for (const { wire } of opened) await wire.close();
  await admin.removeFeatures([flag]);
  await admin.deleteToken(token);
  return judge(name, told);
}

/** Reports what a scenario has told: each check of its own, or whether it failed as listed. */
function judge(name, told) {
  const { says, reason } = listed(name) ?? {};
  if (!says) return told.map(({ what, ok, detail }) => check(`${name}: ${what}`, ok, detail)).every(Boolean);
  const failed = told.filter(({ ok }) => !ok);
  const asListed = failed.some((each) => JSON.stringify(each).includes(says));
  return check(`${name}: fails with "${says}", as listed (${reason})`, asListed, failed.length ? failed : 'it passes');
}

const names = settings.scenarios.length > 0 ? settings.scenarios : Object.keys(scenarios);
for (const name of names) {
  if (!scenarios[name]) throw new Error(`there is no scenario ${name}, only ${Object.keys(scenarios)}`);
}
for (const { scenario } of settings.failing) if (!scenarios[scenario]) throw new Error(`there is no scenario ${scenario} to fail`);
const results = {};
for (const name of names) results[name] = await run(name);
const passed = names.filter((name) => results[name] && !settings.failing.some(({ scenario }) => scenario === name)).length;
if (settings.behind) {
  const left = settings.failing.map(({ scenario, reason }) => `; not ${scenario}: ${reason}`).join('');
  say(`SDK scenarios through unleash-node-sdk ${sdkVersion}, behind ${settings.behind}: ${passed}/${names.length}${left}`);
}
finish({ scenarios: names.length, passed, failing: settings.failing.length });
