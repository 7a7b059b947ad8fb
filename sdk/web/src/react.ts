import { createContext, createElement, useCallback, useContext, useEffect, useMemo, useSyncExternalStore, type ReactNode } from 'react';
import type { Client, Events } from './client.js';
import type { Mode, Name, Registered, Toggle, Value, ValueOf, Variant } from './types.js';
import { valueOf } from './value.js';

const Flags = createContext<Client<any> | null>(null);

/** Gives the client to the hooks below it, and starts it in the browser. Whoever made the client closes it. */
export function FlagsProvider({ client, children }: { client: Client<any>; children?: ReactNode }) {
  useEffect(() => { void client.start(); }, [client]);
  return createElement(Flags.Provider, { value: client }, children);
}

/** The client that the provider was given. */
export function useFlagsClient<F extends object = Registered>(): Client<F> {
  const client = useContext(Flags);
  if (!client) throw new Error('There is no <FlagsProvider> above this component.');
  return client;
}

const disabled: Variant = { name: 'disabled', enabled: false, feature_enabled: false };

function useSubscribe(client: Client<any>, event: keyof Events): (changed: () => void) => () => void {
  return useCallback((changed: () => void) => client.on(event, changed), [client, event]);
}

/** The flag, rendered anew when it changes and for no other flag. On a server and while hydrating it is bootstrap's. */
function useToggle(name: string): [Toggle | undefined, Client<Record<string, Value>>] {
  const client = useFlagsClient<Record<string, Value>>();
  return [useSyncExternalStore(useSubscribe(client, 'update'), () => client.peek(name), () => client.initial(name)), client];
}

/** Whether the flag is on. */
export function useFlag(name: Name<Registered>): boolean {
  const [toggle, client] = useToggle(name);
  const enabled = !!toggle?.enabled;
  useEffect(() => { client.isEnabled(name); }, [client, name, enabled]); // counts what was shown, not how often it was rendered
  return enabled;
}

/** The flag's variant; one named "disabled" if it has none or is off. */
export function useVariant(name: Name<Registered>): Variant {
  const [toggle, client] = useToggle(name);
  useEffect(() => { client.getVariant(name); }, [client, name, toggle]);
  return toggle?.variant || disabled;
}

/** The flag's value, as Client.value has it. */
export function useFlagValue<K extends Name<Registered>, V extends Registered[K] & Value>(name: K, fallback: V): ValueOf<Registered, K, V> {
  const [toggle, client] = useToggle(name);
  const ready = useSyncExternalStore(useSubscribe(client, 'ready'), () => client.ready, () => client.bootstrapped);
  useEffect(() => { client.getVariant(name); }, [client, name, toggle]);
  // A fallback that is written in place is a new object each time: what it says counts.
  const text = JSON.stringify(fallback);
  return useMemo(() => valueOf(toggle, JSON.parse(text) as Value, ready), [toggle, text, ready]) as ValueOf<Registered, K, V>;
}

/** Whether flags are there, and how they are kept up to date. */
export function useFlagsStatus(): { ready: boolean; mode: Mode } {
  const client = useFlagsClient();
  const ready = useSyncExternalStore(useSubscribe(client, 'ready'), () => client.ready, () => client.bootstrapped);
  const mode = useSyncExternalStore<Mode>(useSubscribe(client, 'mode'), () => client.mode, () => 'offline');
  return { ready, mode };
}
