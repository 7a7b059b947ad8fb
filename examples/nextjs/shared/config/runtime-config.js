// Runtime configuration: the server reads its environment when it runs, RuntimeConfigScript writes what browsers may know
// into the page, and the same build serves every environment. No NEXT_PUBLIC_ variables: those are fixed by `next build`.

/** What browsers may know: {environment, proxyUrl, clientToken, appName, refreshSeconds}. Works on both sides. */
export function runtimeConfig() {
  if (typeof window !== 'undefined') return window.__RUNTIME_CONFIG__;
  return {
    environment: process.env.RUNTIME_ENV ?? 'development',
    /** Where browsers reach the frontend API: the server itself, or an edge or proxy in front of it. */
    proxyUrl: required('UNLEASH_PROXY_URL'),
    /** A frontend token. It gives evaluated flags only; a backend token must never come this far. */
    clientToken: required('UNLEASH_CLIENT_TOKEN'),
    appName: process.env.UNLEASH_APP_NAME ?? 'shop-web',
    refreshSeconds: Number(process.env.UNLEASH_REFRESH_SECONDS ?? 15),
  };
}

/** What only this server may know: {url, token}. Never call it from a component of the browser's. */
export function serverConfig() {
  return { url: `${required('UNLEASH_URL').replace(/\/+$/, '')}/api`, token: required('UNLEASH_API_TOKEN') };
}

function required(name) {
  const value = process.env[name];
  if (!value) throw new Error(`set the environment variable ${name}`);
  return value;
}
