import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { buildSync } from 'esbuild';

const description = JSON.parse(readFileSync('package.json', 'utf8'));

test('everything that the main entry has is smaller than 5 kB', (t) => {
  const { outputFiles: [bundle] } = buildSync({ entryPoints: ['dist/index.js'], bundle: true, minify: true, format: 'esm', write: false });
  const size = gzipSync(bundle!.contents, { level: 9 }).length;
  t.diagnostic(`${size} bytes gzipped`);
  assert.ok(size < 5_000, `${size} bytes`);
  const said = readFileSync('README.md', 'utf8').match(/([\d.]+) kB gzipped/)![1];
  assert.equal(said, (size / 1000).toFixed(1), 'the README says so');
});

test('nothing comes along, and everything that is named is there', () => {
  assert.equal(description.dependencies, undefined);
  const paths = JSON.stringify(description.exports).match(/\.\/dist[^"]+/g)!;
  assert.ok(paths.length > 10);
  for (const path of [...paths, description.main, description.module, description.types]) assert.ok(existsSync(path), path);
});

test('it can be required and imported', async () => {
  const require = createRequire(import.meta.url);
  for (const entry of Object.keys(description.exports).filter((name) => !/shared-worker|json/.test(name))) {
    const name = entry.replace('.', description.name);
    assert.deepEqual(Object.keys(require(name)).sort(), Object.keys(await import(name)).sort(), name);
  }
});

test('the examples of the README compile', () => {
  mkdirSync('.test/readme', { recursive: true });
  const blocks = readFileSync('README.md', 'utf8').matchAll(/```(tsx?)\n(.*?)```/gs);
  let count = 0;
  for (const [, kind, text] of blocks) {
    if (text!.includes('declare module')) continue; // concerns all files: it is in types.ts
    writeFileSync(`.test/readme/${++count}.${kind}`, text!);
  }
  assert.ok(count > 5);
  const flag = (flagType: string, defaultValue: unknown) => ({ flagType, defaultValue, description: '' });
  writeFileSync('.test/readme/flags.json', JSON.stringify({ flags: { 'page-size': flag('integer', 10), dark: flag('boolean', false) } }));
  writeFileSync('.test/readme/tsconfig.json', JSON.stringify({
    extends: '../../tsconfig.json', compilerOptions: { jsx: 'react-jsx', noUnusedLocals: false, types: ['react'] }, include: ['.'],
  }));
  compile('.test/readme');
});

test('names and values of flags are checked', () => {
  mkdirSync('.test/types', { recursive: true });
  writeFileSync('.test/types/types.ts', readFileSync('test/types.ts', 'utf8'));
  writeFileSync('.test/types/tsconfig.json', JSON.stringify({ extends: '../../tsconfig.json', compilerOptions: { noUnusedLocals: false }, include: ['.'] }));
  compile('.test/types');
});

function compile(folder: string): void {
  try {
    execFileSync('node_modules/.bin/tsc', ['--noEmit', '-p', folder], { encoding: 'utf8' });
  } catch (error) {
    assert.fail((error as { stdout: string }).stdout);
  }
}
