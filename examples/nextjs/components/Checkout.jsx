'use client';

import { useFlag, useFlagsStatus, useVariant } from '@unleash/nextjs/client';
import { useEffect, useState } from 'react';

/** Follows the flag for as long as the page is open. */
export function Checkout() {
  const enabled = useFlag('new-checkout');
  const variant = useVariant('new-checkout');
  const { flagsError } = useFlagsStatus();
  const [hydrated, setHydrated] = useState(false);
  useEffect(() => setHydrated(true), []);
  return (
    <section data-hydrated={hydrated}>
      <h2>In the browser</h2>
      <p id="browser">new-checkout is {enabled ? `on, ${variant.name}` : 'off'}</p>
      {flagsError && <p>The flag server cannot be reached; these are the flags of before.</p>}
    </section>
  );
}
