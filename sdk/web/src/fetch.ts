import { body, headers } from './connection.js';
import type { Context, FlagsError, Toggle } from './types.js';

/**
 * Fetches the flags of a context once: on a server that renders a page, for bootstrap. Give it the sessionId or userId that
 * the browser will have, or the page may change when it comes to life.
 */
export async function fetchFlags({ url, token, context = {}, toggles, fetch = globalThis.fetch }: {
  url: string;
  token: string;
  context?: Context;
  toggles?: string[];
  fetch?: typeof globalThis.fetch;
}): Promise<{ toggles: Toggle[] }> {
  const response = await fetch(url.replace(/\/+$/, ''), { method: 'POST', headers: headers(token), body: body({ context, toggles }) });
  if (!response.ok) throw Object.assign(new Error(`${url}: ${response.status}`), { status: response.status }) as FlagsError;
  return response.json();
}
