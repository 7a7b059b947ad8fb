// Compiled by package.test.ts against the package as it is published: what must not compile says so.

import { createClient, type FlagsOf } from '@pennon/web';
import { useFlag, useFlagValue } from '@pennon/web/react';

declare module '@pennon/web' {
  interface Register {
    flags: { 'new-checkout': boolean; theme: 'dark' | 'light'; limits: { items: number } };
  }
}

const options = { url: '', token: '' };
const client = createClient(options);
const on: boolean = client.isEnabled('new-checkout');
const theme: 'dark' | 'light' = client.value('theme', 'dark');
const { items }: { items: number } = useFlagValue('limits', { items: 1 });
// @ts-expect-error: no such flag
client.isEnabled('new-chekout');
// @ts-expect-error: no such value
client.value('theme', 'blue');
// @ts-expect-error: a fallback of another type
client.value('limits', 3);
// @ts-expect-error: no such flag
useFlag('nothing');

const manifest = { flags: { dark: { flagType: 'boolean', defaultValue: false }, size: { flagType: 'integer', defaultValue: 10 } } };
const generated = createClient<FlagsOf<typeof manifest>>(options);
const size: number = generated.value('size', 20);
// @ts-expect-error: it is a number
generated.value('size', 'large');
// @ts-expect-error: no such flag
generated.isEnabled('theme');

const free = createClient<Record<string, boolean | number | string>>(options);
const text: string = free.value('anything', 'fallback');
const number: number = free.value('anything', 3);

export { items, number, on, size, text, theme };
