import { flagsClient } from '@unleash/nextjs';
import { cookies } from 'next/headers';
import { after } from 'next/server';
import { Checkout } from '../components/Checkout';
import { runtimeConfig, serverConfig } from '../shared/config/runtime-config';
import { togglesFor } from '../shared/flags';
import { FeatureFlagsProvider } from '../shared/providers/FeatureFlagsProvider';

/** Who is asking. A shop would take the user and the plan from its session; here they come from the address. */
async function contextOf(searchParams) {
  const { user, plan } = await searchParams;
  const sessionId = (await cookies()).get('session')?.value;
  return { userId: user, sessionId, properties: { plan } };
}

export default async function Page({ searchParams }) {
  const context = await contextOf(searchParams);
  const toggles = await togglesFor(context);

  const { url, token } = serverConfig();
  const flags = flagsClient(toggles, { url, clientKey: token, appName: runtimeConfig().appName });
  const enabled = flags.isEnabled('new-checkout');
  const variant = flags.getVariant('new-checkout');
  after(() => flags.sendMetrics()); // once the page is on its way

  return (
    <main>
      <h1>Shop ({runtimeConfig().environment})</h1>
      <h2>On the server</h2>
      <p id="server">new-checkout is {enabled ? `on, ${variant.name}` : 'off'}</p>
      <FeatureFlagsProvider toggles={toggles} context={context}>
        <Checkout />
      </FeatureFlagsProvider>
    </main>
  );
}
