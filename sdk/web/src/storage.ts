import type { Ask, Position, Toggle } from './types.js';

/** Where flags and the session id are kept between visits. localStorage is one. */
export interface Storage {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
}

/** What was held for a context. */
export interface Kept {
  toggles: Toggle[];
  at: Position;
}

/** localStorage, where there is one that may be used. */
export function browserStorage(): Storage | undefined {
  try {
    return globalThis.window?.localStorage;
  } catch { // cookies are blocked
    return undefined;
  }
}

/** 53 bits of text: enough to tell contexts apart, and nothing of them is written to the disk. */
function hash(text: string): string {
  let a = 0xdeadbeef;
  let b = 0x41c6ce57;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    a = Math.imul(a ^ code, 2654435761);
    b = Math.imul(b ^ code, 1597334677);
  }
  a = Math.imul(a ^ (a >>> 16), 2246822507) ^ Math.imul(b ^ (b >>> 13), 3266489909);
  b = Math.imul(b ^ (b >>> 16), 2246822507) ^ Math.imul(a ^ (a >>> 13), 3266489909);
  return (4294967296 * (2097151 & b) + (a >>> 0)).toString(36);
}

const flagsKey = ({ url, token }: Ask) => `pennon:flags:${hash(url + token)}`;
const contextKey = ({ context, toggles }: Ask) => hash(JSON.stringify([context, toggles]));

/** Reads what was kept for exactly this question. */
export function recall(storage: Storage | undefined, ask: Ask): Kept | undefined {
  try {
    const [key, toggles, at] = JSON.parse(storage?.getItem(flagsKey(ask)) || '[]');
    return key === contextKey(ask) ? { toggles, at } : undefined;
  } catch { // another program's, or of another version
    return undefined;
  }
}

/** Keeps the newest set only: a shared computer shall not fill up with users. */
export function keep(storage: Storage | undefined, ask: Ask, { toggles, at }: Kept): void {
  try {
    storage?.setItem(flagsKey(ask), JSON.stringify([contextKey(ask), toggles, at]));
  } catch { /* full: the flags come from the server next time */ }
}

/** One id for all pages and visits, so that gradual rollouts without a user stay what they are. */
export function sessionId(storage: Storage | undefined): string {
  const key = 'pennon:session';
  const id = storage?.getItem(key) || String(Math.floor(Math.random() * 1e9));
  try {
    storage?.setItem(key, id);
  } catch { /* full */ }
  return id;
}
