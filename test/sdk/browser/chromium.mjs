// Headless Chromium: the one of the system, or that named by CHROMIUM.

import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { chromium } from 'playwright-core';

const names = ['chromium', 'chromium-browser', 'google-chrome'];

function find() {
  if (process.env.CHROMIUM) return process.env.CHROMIUM;
  for (const name of names) {
    for (const folder of (process.env.PATH ?? '').split(delimiter)) {
      const path = join(folder, name);
      try {
        accessSync(path, constants.X_OK);
        return path;
      } catch {} // look on
    }
  }
  throw new Error(`there is no ${names.join(', ')} on the PATH: make deps installs it`);
}

/** Starts a browser. The sandbox needs a user other than root, which tests in containers have not. */
export function openBrowser() {
  return chromium.launch({ executablePath: find(), args: ['--no-sandbox', '--disable-dev-shm-usage'] });
}
