// Builds dist/, or with the argument "test" the tests into .test/. esbuild bundles, tsc writes the types.
import { execFileSync } from 'node:child_process';
import { copyFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { build } from 'esbuild';

const common = { bundle: true, target: 'es2022', logLevel: 'warning', legalComments: 'none' };

if (process.argv[2] === 'test') {
  rmSync('.test', { recursive: true, force: true });
  const tests = readdirSync('test').filter((name) => /\.test\.tsx?$/.test(name)).map((name) => `test/${name}`);
  await build({ ...common, entryPoints: tests, outdir: '.test', format: 'esm', platform: 'node', packages: 'external', outExtension: { '.js': '.mjs' } });
} else {
  rmSync('dist', { recursive: true, force: true });
  const published = { ...common, minify: true };
  const entries = ['index', 'worker', 'unleash'].map((name) => `src/${name}.ts`);
  const react = { ...published, entryPoints: ['src/react.ts'], external: ['react'], banner: { js: '"use client";' } };
  await Promise.all([
    build({ ...published, entryPoints: entries, outdir: 'dist', format: 'esm', splitting: true, chunkNames: 'shared-[hash]' }),
    build({ ...published, entryPoints: entries, outdir: 'dist/cjs', format: 'cjs' }),
    build({ ...react, outdir: 'dist', format: 'esm' }),
    build({ ...react, outdir: 'dist/cjs', format: 'cjs' }),
    build({ ...published, entryPoints: ['src/shared-worker.ts'], outdir: 'dist', format: 'iife' }),
  ]);
  execFileSync('node_modules/.bin/tsc', ['-p', 'tsconfig.build.json'], { stdio: 'inherit' });
  writeFileSync('dist/cjs/package.json', '{ "type": "commonjs" }\n');
  for (const name of readdirSync('dist').filter((name) => name.endsWith('.d.ts'))) copyFileSync(`dist/${name}`, `dist/cjs/${name}`);
}
