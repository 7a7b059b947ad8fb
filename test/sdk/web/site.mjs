// The site that browsers open: the package as it is published, bundled as its users bundle it.

import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const here = dirname(fileURLToPath(import.meta.url));
const installed = join(here, 'node_modules', '@pennon', 'web');
const root = join(here, '..', '..', '..');
const source = join(root, 'sdk', 'web');

/** Packs sdk/web, which must be built, and installs what is in the package. */
function install() {
  rmSync(installed, { recursive: true, force: true });
  mkdirSync(installed, { recursive: true });
  const [{ filename }] = JSON.parse(execFileSync('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', installed], {
    cwd: source, stdio: ['ignore', 'pipe', 'ignore'],
  }));
  execFileSync('tar', ['xzf', filename, '--strip-components=1'], { cwd: installed });
}

const page = (body, script) => `<!doctype html><meta charset="utf-8"><title>Pennon</title><body>${body}<script src="/${script}.js"></script></body>`;

/** Starts the site. */
export async function startSite({ api, token }) {
  install();
  const pages = join(here, 'pages');
  const output = join(installed, '..', 'site');
  const common = { bundle: true, define: { 'process.env.NODE_ENV': '"development"' }, jsx: 'automatic', logLevel: 'warning' };
  await Promise.all([
    build({ ...common, entryPoints: [join(pages, 'tab.js'), join(pages, 'hydrate.jsx')], outdir: output, format: 'iife' }),
    build({ ...common, entryPoints: [join(pages, 'server.jsx')], outfile: join(output, 'server.mjs'), format: 'esm', platform: 'node', packages: 'external' }),
  ]);
  const { render } = await import(pathToFileURL(join(output, 'server.mjs')).href);
  const files = {
    '/tab.js': join(output, 'tab.js'),
    '/hydrate.js': join(output, 'hydrate.js'),
    '/shared-worker.js': join(installed, 'dist', 'shared-worker.js'),
  };

  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url, 'http://site');
    const answer = (type, text) => response.writeHead(200, { 'Content-Type': type }).end(text);
    if (files[pathname]) return answer('text/javascript', readFileSync(files[pathname]));
    if (pathname === '/tab') return answer('text/html', page('', 'tab'));
    if (pathname === '/examples/web/') return answer('text/html', readFileSync(join(root, pathname, 'index.html')));
    if (/^\/sdk\/web\/dist\/[\w-]+\.js$/.test(pathname)) return answer('text/javascript', readFileSync(join(root, pathname)));
    if (pathname === '/favicon.ico') return response.writeHead(204).end();
    if (pathname !== '/rendered') return response.writeHead(404).end();
    const { markup, bootstrap } = await render({ api, token });
    const data = JSON.stringify({ api, token, bootstrap }).replace(/</g, '\\u003c');
    return answer('text/html', page(`<div id="root">${markup}</div><script>window.served = ${data}</script>`, 'hydrate'));
  });
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  return { url: `http://127.0.0.1:${server.address().port}`, close: () => { server.close(); server.closeAllConnections(); } };
}
