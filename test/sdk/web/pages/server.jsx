import { createClient, fetchFlags } from '@pennon/web';
import { FlagsProvider } from '@pennon/web/react';
import { renderToString } from 'react-dom/server';
import { App } from './App.jsx';

/** Renders the page for its user, with the flags to bring it to life with. */
export async function render({ api, token }) {
  const context = { userId: 'rendered' };
  const bootstrap = await fetchFlags({ url: api, token, context });
  const client = createClient({ url: api, token, context, bootstrap });
  return { bootstrap, markup: renderToString(<FlagsProvider client={client}><App /></FlagsProvider>) };
}
