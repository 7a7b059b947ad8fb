import { runtimeConfig } from './runtime-config';

/** Writes the runtime configuration into the page, before any script that reads it. */
export function RuntimeConfigScript() {
  const json = JSON.stringify(runtimeConfig()).replaceAll('<', '\\u003c'); // a value must not end the script
  return <script dangerouslySetInnerHTML={{ __html: `window.__RUNTIME_CONFIG__=${json}` }} />;
}
