import { createClient } from '@pennon/web';
import { FlagsProvider } from '@pennon/web/react';
import { hydrateRoot } from 'react-dom/client';
import { App } from './App.jsx';

const { api, token, bootstrap } = window.served;
const root = document.getElementById('root');

// Every change of what is shown, from before React comes.
window.shown = [];
new MutationObserver(() => window.shown.push(root.textContent)).observe(root, { subtree: true, childList: true, characterData: true });
window.problems = [];

window.client = createClient({ url: api, token, context: { userId: 'rendered' }, bootstrap });
hydrateRoot(root, <FlagsProvider client={window.client}><App /></FlagsProvider>, {
  onRecoverableError: (error) => window.problems.push(String(error)),
});
