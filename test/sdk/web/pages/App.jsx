import { useFlag, useFlagValue, useVariant } from '@pennon/web/react';

/** What a user with a rollout of their own sees. */
export function App() {
  return (
    <main>
      <h1>{useFlag('new-shop') ? 'The new shop' : 'The old shop'}</h1>
      <p>{useVariant('banner').name}</p>
      <b>{useFlagValue('discount', 0)} %</b>
    </main>
  );
}
