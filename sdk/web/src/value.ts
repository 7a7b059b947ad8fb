import type { Toggle, Value } from './types.js';

/** The value of a flag in the type of the fallback. */
export function valueOf(toggle: Toggle | undefined, fallback: Value, known: boolean): Value {
  if (typeof fallback === 'boolean' && (!toggle || !toggle.variant?.payload)) return known || toggle ? !!toggle?.enabled : fallback;
  if (!toggle?.enabled || !toggle.variant?.enabled) return fallback;
  const { name, payload } = toggle.variant;
  if (typeof fallback === 'string') return payload ? payload.value : name;
  if (!payload) return fallback;
  try {
    const value = JSON.parse(payload.value);
    return typeof value === typeof fallback ? value : typeof fallback === 'boolean' ? true : fallback;
  } catch {
    return typeof fallback === 'boolean' ? true : fallback;
  }
}
