// What a script is told: where the server is, how to talk to it, and how patient to be.
// Every setting is a flag and, for a test that starts the script, an environment variable.

import { parseArgs } from 'node:util';

const defaults = {
  url: { env: 'PENNON_URL', value: 'http://127.0.0.1:4242' },
  'admin-url': { env: 'PENNON_ADMIN_URL', value: '' }, // of the Admin API, where that is elsewhere
  behind: { env: 'PENNON_BEHIND', value: '' }, // what stands between the server and SDKs, in words
  'admin-token': { env: 'PENNON_ADMIN_TOKEN', value: '' },
  project: { env: 'PENNON_PROJECT', value: 'default' },
  environment: { env: 'PENNON_ENVIRONMENT', value: 'development' },
  target: { env: 'PENNON_TARGET', value: 'pennon' },
  modes: { env: 'PENNON_MODES', value: 'polling,delta,streaming' },
  suites: { env: 'PENNON_SUITES', value: '' },
  scenarios: { env: 'PENNON_SCENARIOS', value: '' },
  altering: { env: 'PENNON_ALTERING', value: '[]' },
  failing: { env: 'PENNON_FAILING', value: '[]' },
  toggles: { env: 'PENNON_TOGGLES', value: '20' },
  burst: { env: 'PENNON_BURST', value: '50' },
  elsewhere: { env: 'PENNON_ELSEWHERE', value: '[]' },
  psql: { env: 'PENNON_PSQL', value: '' },
  'toggle-sql': { env: 'PENNON_TOGGLE_SQL', value: '' },
  'poll-ms': { env: 'PENNON_POLL_MS', value: '100' },
  'deadline-ms': { env: 'PENNON_DEADLINE_MS', value: '15000' },
};

const numbers = ['toggles', 'burst', 'poll-ms', 'deadline-ms'];
const lists = ['modes', 'suites', 'scenarios'];

/**
 * Reads the flags, then the environment, then the default of each setting.
 * Durations are milliseconds. Lists are comma separated; an empty list means "all".
 */
export function readSettings(argv = process.argv.slice(2), env = process.env) {
  const options = { discover: { type: 'boolean', default: false } };
  for (const name of Object.keys(defaults)) options[name] = { type: 'string' };
  const { values } = parseArgs({ args: argv, options, strict: true });

  const settings = { discover: values.discover };
  for (const [name, { env: variable, value }] of Object.entries(defaults)) {
    settings[camel(name)] = values[name] ?? env[variable] ?? value;
  }
  for (const name of numbers) {
    const number = Number(settings[camel(name)]);
    if (!Number.isInteger(number) || number < 0) throw new Error(`--${name} must be a whole number`);
    settings[camel(name)] = number;
  }
  for (const name of lists) {
    settings[camel(name)] = settings[camel(name)].split(',').map((s) => s.trim()).filter(Boolean);
  }
  settings.elsewhere = JSON.parse(settings.elsewhere); // SDKs of other languages: [{name, command}]
  settings.altering = JSON.parse(settings.altering); // operators that arrive as something else
  settings.failing = JSON.parse(settings.failing); // scenarios that are to fail: [{scenario, says, reason}]
  settings.url = settings.url.replace(/\/+$/, '');
  settings.adminUrl = settings.adminUrl.replace(/\/+$/, '') || settings.url;
  return settings;
}

const camel = (name) => name.replace(/-(.)/g, (_, letter) => letter.toUpperCase());
