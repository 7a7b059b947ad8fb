import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createElement } from 'react';
import { renderToString } from 'react-dom/server';
import { createClient, type Client } from '../src/index.js';
import { FlagsProvider, useFlag, useFlagsStatus, useFlagValue, useVariant } from '../src/react.js';
import { carries, toggle } from './backend.js';

function Page() {
  const { ready, mode } = useFlagsStatus();
  const { size } = useFlagValue('box', { size: 1 });
  return createElement('p', null, [useFlag('new'), useVariant('colour').name, size, ready, mode].join(' '));
}

const render = (client: Client<any>) => renderToString(createElement(FlagsProvider, { client }, createElement(Page)));
const options = { url: 'http://127.0.0.1:1', token: 't', storage: null };

test('a server renders the flags of bootstrap, and connects nowhere', () => {
  const client = createClient({ ...options, bootstrap: [toggle('new'), toggle('colour', { name: 'blue', enabled: true }), toggle('box', carries('json', '{"size":3}'))] });
  assert.equal(render(client), '<p>true blue 3 true offline</p>');
  assert.equal(client.mode, 'offline');
});

test('without bootstrap a server renders what everybody sees', () => {
  assert.equal(render(createClient(options)), '<p>false disabled 1 false offline</p>');
});

test('hooks need a provider', () => {
  assert.throws(() => renderToString(createElement(Page)), /FlagsProvider/);
});
