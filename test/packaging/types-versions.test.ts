// The types in TypeScript from 4.9 on (the oldest for the types of Node), with every module resolution.
import { cpSync, mkdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, inject, test } from 'vitest';
import { fetchPackages } from '../support/npm-program.ts';
import { root } from '../support/tools.ts';
import { makeFolder } from './deployed.ts';
import { run } from './machine.ts';

const folder = makeFolder();
afterAll(() => rmSync(folder, { recursive: true }));

const VERSIONS = ['4.9.5', '5.0.4', '5.4.5', '5.7.3', '6.0.3', '7.0.2'] as const;

const PACKAGES = {
  ...Object.fromEntries(VERSIONS.map((version) => [version, `npm:typescript@${version}`])),
  '@types/node': '20.19.43',
};

const program = join(import.meta.dirname, 'consumer/commonjs.ts');

/** Makes a CommonJS project with the package. */
async function makeProject(version: string): Promise<string> {
  const own = join(folder, version);
  const modules = join(own, 'node_modules');
  const fetched = join(await fetchPackages(PACKAGES), 'node_modules');
  mkdirSync(join(modules, '@types'), { recursive: true });
  symlinkSync(join(fetched, '@types/node'), join(modules, '@types/node'));
  symlinkSync(join(inject('app'), 'node_modules/libsystemd'), join(modules, 'libsystemd'));
  cpSync(program, join(own, 'app.ts'));
  return own;
}

const DEPRECATED = ['--ignoreDeprecations', '6.0'];

const WAYS = [
  // node10 is called node before 5.0, and does not exist in 7.0.
  { module: 'commonjs', resolution: 'node', from: 4.9, to: 5.7, options: [] },
  { module: 'commonjs', resolution: 'node10', from: 6, to: 6, options: DEPRECATED },
  { module: 'node16', resolution: 'node16', from: 4.9, to: 5.7, options: [] },
  { module: 'nodenext', resolution: 'nodenext', from: 5.7, to: 7, options: [] },
  { module: 'esnext', resolution: 'bundler', from: 5.7, to: 7, options: [] },
  { module: 'commonjs', resolution: 'bundler', from: 6, to: 7, options: [] },
];

test.each(VERSIONS)(
  'TypeScript %s finds and accepts the types',
  async (version) => {
    const cwd = await makeProject(version);
    const tsc = join(await fetchPackages(PACKAGES), 'node_modules', version, 'bin/tsc');
    const number = Number.parseFloat(version);
    const ways = WAYS.filter(({ from, to }) => from <= number && number <= to);
    expect(ways.length).toBeGreaterThan(1);
    for (const [i, { module, resolution, options }] of ways.entries()) {
      const how = ['--module', module, '--moduleResolution', resolution, ...options];
      // The declarations are the same files in each way, and checking those of Node takes most of the time.
      const strict = ['--strict', '--skipLibCheck', `${i > 0}`, '--target', 'es2022'];
      const args = [tsc, '--noEmit', ...strict, '--types', 'node', ...how, 'app.ts'];
      expect(await run(process.execPath, args, { cwd })).toBe('');
    }
  },
  400_000,
);

test('docs/bundling.md names these versions', () => {
  const all = `${VERSIONS.slice(0, -1).join(', ')} and ${VERSIONS.at(-1)}`;
  expect(readFileSync(join(root, 'docs/bundling.md'), 'utf8')).toContain(`TypeScript ${all}`);
});
