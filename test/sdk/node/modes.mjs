// How the real SDK behaves when the server restarts, drains, refuses or sheds it:
//
//   node modes.mjs --url http://127.0.0.1:4242 --admin-token '*:*.secret' --scenarios resumes,revokes
//
// `restarts`, `drains` and `sheds` ask the starter of this script to act, and wait for its answer on
// standard input: `restart` the server, let another server `join` (the answer is {url}), `drain` the
// one at a url, `shed` streams with 429, `invite` pollers back to streaming.

import { Admin } from './admin.mjs';
import { check, finish } from './console.mjs';
import { polls, registers } from './scenarios/fetching.mjs';
import { refuses, revokes, sheds, stops } from './scenarios/refusing.mjs';
import { drains, rehydrates, restarts, resumes } from './scenarios/resuming.mjs';
import { Sdk } from './sdk.mjs';
import { readSettings } from './settings.mjs';
import { Wire } from './wire.mjs';

const scenarios = { registers, polls, resumes, rehydrates, refuses, stops, revokes, restarts, drains, sheds };
const settings = readSettings();
const admin = new Admin(settings);
const flag = 'modes.flag';

/** What a scenario is given: the server, a token, and SDKs that are closed behind it. */
function fixture(name, token, opened) {
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
    check: (what, ok, detail) => check(`${name}: ${what}`, ok, detail),
    /** Starts an SDK that talks to the server over a recorded wire. */
    open: async (mode, overrides = {}) => {
      const wire = await Wire.open(settings.url);
      const sdk = new Sdk({ ...settings, url: wire.url, token, mode, ...overrides });
      opened.push({ sdk, wire });
      return { sdk, wire };
    },
    /** Makes another server the one that is talked to. */
    moveTo: (url) => {
      settings.url = url;
      admin.url = url;
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

async function run(name) {
  const opened = [];
  const token = await admin.createToken(`${name} ${Date.now()}`);
  await admin.createFeature({ name: flag });
  await admin.addStrategy(flag, { name: 'default', parameters: {}, constraints: [] });
  try {
    await scenarios[name](fixture(name, token, opened));
  } catch (error) {
    check(`${name}: runs to its end`, false, error.message);
  }
  for (const { sdk } of opened) sdk.stop();
  for (const { wire } of opened) await wire.close();
  await admin.removeFeatures([flag]);
  await admin.deleteToken(token);
}

const names = settings.scenarios.length > 0 ? settings.scenarios : Object.keys(scenarios);
for (const name of names) {
  if (!scenarios[name]) throw new Error(`there is no scenario ${name}, only ${Object.keys(scenarios)}`);
}
for (const name of names) await run(name);
finish({ scenarios: names });
