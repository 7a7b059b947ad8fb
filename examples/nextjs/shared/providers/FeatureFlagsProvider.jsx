'use client';

import { FlagProvider } from '@unleash/nextjs/client';
import { useState } from 'react';
import { InMemoryStorageProvider } from 'unleash-proxy-client';
import { runtimeConfig } from '../config/runtime-config';

/**
 * Gives the components below it the flags. `toggles` are those that the server has rendered the page with: the first
 * render in the browser uses them too, so nothing flickers. From then on the browser asks for itself.
 */
export function FeatureFlagsProvider({ toggles, context, children }) {
  const [config] = useState(() => {
    const { proxyUrl, clientToken, appName, refreshSeconds } = runtimeConfig();
    return {
      url: `${proxyUrl.replace(/\/+$/, '')}/api/frontend`,
      clientKey: clientToken,
      appName,
      refreshInterval: refreshSeconds,
      context,
      bootstrap: toggles,
      // With no flag on, the SDK would take those of an earlier visit out of localStorage before it asks: that would flicker.
      storageProvider: new InMemoryStorageProvider(),
    };
  });
  return <FlagProvider config={config}>{children}</FlagProvider>;
}
