// What an SDK is told when it may not do what it asks for.

import { ask } from '../console.mjs';

const endpoints = ['features', 'delta', 'streaming'];

/** Tokens that are missing, unknown or of the wrong type get the documented answers. */
export async function refuses({ check, settings, admin }) {
  const frontend = await admin.createToken(`frontend ${Date.now()}`, 'frontend');
  const tokens = {
    'no token': [undefined, 401],
    'an unknown token': ['*:development.unknown', 401],
    'a malformed token': ['nonsense', 401],
    'a frontend token': [frontend, 403],
    'an admin token': [settings.adminToken, 403],
  };
  for (const [name, [token, wanted]] of Object.entries(tokens)) {
    for (const endpoint of endpoints) {
      const headers = token === undefined ? {} : { authorization: token };
      const signal = AbortSignal.timeout(settings.deadlineMs);
      const response = await fetch(`${settings.url}/api/client/${endpoint}`, { headers, signal });
      const body = await response.text();
      const { message } = /^\{/.test(body) ? JSON.parse(body) : {};
      const ok = response.status === wanted && typeof message === 'string';
      check(`${name} gets ${wanted} from client/${endpoint}`, ok, { status: response.status, body });
    }
  }
  await admin.deleteToken(frontend);
}

/** A token of the wrong type makes the streaming SDK poll, and then stop with an error. */
export async function stops({ check, open, admin }) {
  const frontend = await admin.createToken(`frontend ${Date.now()}`, 'frontend');
  for (const [token, status] of [[frontend, 403], ['*:development.unknown', 401]]) {
    const { sdk } = await open('streaming', { token });
    await sdk.fetches('polling');
    await sdk.trouble('error', new RegExp(`responded ${status} `));
    check(`a streaming SDK refused with ${status} stops with an error`, true);
  }
  await admin.deleteToken(frontend);
}

/** Deleting a token ends its stream at once; the SDK then learns why and stops. */
export async function revokes({ check, open, admin, toggle }) {
  const token = await admin.createToken(`revoked ${Date.now()}`);
  const { sdk } = await open('streaming', { token });
  const { sdk: other } = await open('streaming');
  await Promise.all([sdk.synchronized(), other.synchronized()]);
  await toggle([sdk, other]);
  await admin.deleteToken(token);
  await sdk.fetches('polling');
  await sdk.trouble('error', /responded 401 /);
  check('the SDK with the revoked token stops with an error', true);
  await toggle([other]);
  check('an SDK with another token still streams', other.fetching === 'streaming', other.switches);
}

/** A server with too many streams sends SDKs to polling with 429, and invites them back later. */
export async function sheds({ check, open, toggle }) {
  await ask('shed');
  const { sdk } = await open('streaming');
  await sdk.fetches('polling');
  await sdk.synchronized();
  await toggle([sdk]);
  check('an SDK refused with 429 polls', sdk.fetching === 'polling', sdk.switches);
  await ask('invite');
  await toggle([]);
  await sdk.fetches('streaming');
  await toggle([sdk]);
  check('an SDK that is invited back streams', sdk.fetching === 'streaming', sdk.switches);
}
