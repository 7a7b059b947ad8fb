// Flags on this server: rules are fetched with the backend token and evaluated here, so a page needs no request of its own.
import { evaluateFlags, getDefinitions } from '@unleash/nextjs';
import { runtimeConfig, serverConfig } from './config/runtime-config';

let held = { until: 0, definitions: undefined };

/** The flags' rules, at most refreshSeconds old. While the flag server is away, the last ones. */
async function definitions() {
  if (Date.now() < held.until) return held.definitions;
  const { appName, refreshSeconds } = runtimeConfig();
  const { url, token } = serverConfig();
  try {
    // The SDK sends the entity tag of what it has, and takes 304 for "nothing new". Next's own cache would only be in the way.
    const fresh = await getDefinitions({ url: `${url}/client/features`, token, appName, fetchOptions: { cache: 'no-store' } });
    if (!Array.isArray(fresh.features)) throw new Error(`the flag server answered ${JSON.stringify(fresh)}`);
    held = { until: Date.now() + refreshSeconds * 1000, definitions: fresh };
  } catch (error) {
    console.error('flags could not be fetched:', error);
    held.definitions ??= { version: 2, features: [] };
  }
  return held.definitions;
}

/** The flags that are on for a context, in the form in which browsers get them. */
export async function togglesFor(context) {
  const { appName } = runtimeConfig();
  return evaluateFlags(await definitions(), { appName, ...context }).toggles;
}
