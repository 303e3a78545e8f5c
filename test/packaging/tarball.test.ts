import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, inject, test } from 'vitest';
import { prebuiltFile, processors, root } from '../../scripts/processors.mjs';
import { run } from './machine.ts';

const installed = join(inject('app'), 'node_modules/libsystemd');
const files = readdirSync(installed, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => join(entry.parentPath, entry.name).slice(installed.length + 1));

/** What the folders of the tarball may hold. */
const KINDS: Readonly<Record<string, RegExp>> = {
  dist: /^dist\/((cjs\/)?(index|sd)\.(d\.ts|js)|cjs\/(prebuilt\.js|package\.json))$/,
  docs: /^docs\/.*\.md$/,
  native: /^native\/([\w-]+\.(cc|h)|CMakeLists\.txt|package\.json)$/,
};

test('the tarball holds the package and nothing else', () => {
  const others = files.filter((file) => !KINDS[file.split('/')[0]!]?.test(file));
  expect(others.sort()).toStrictEqual(
    [
      ...['CHANGELOG.md', 'LICENSE', 'README.md', 'binding.gyp', 'package.json'],
      ...processors.map(prebuiltFile),
    ].sort(),
  );
});

test.each(['native', 'docs'])('all of %s is in it', (folder) => {
  const all = readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1));
  expect(files).toEqual(expect.arrayContaining(all));
});

test('npm runs no script and no compiler when it installs it', () => {
  const { scripts, gypfile, dependencies } = JSON.parse(
    readFileSync(join(installed, 'package.json'), 'utf8'),
  );
  expect(scripts).not.toHaveProperty('preinstall');
  expect(scripts).not.toHaveProperty('install');
  expect(scripts).not.toHaveProperty('postinstall');
  // With a binding.gyp and without this npm runs node-gyp.
  expect(gypfile).toBe(false);
  expect(dependencies).toBe(undefined);
});

const bin = join(root, 'node_modules/.bin');

test('publint has nothing to say', async () => {
  const said = await run(join(bin, 'publint'), ['--strict', inject('tarball')], { cwd: root });
  expect(said).toContain('All good!');
});

test('attw finds every type, by import, by require() and by resolutions of old', async () => {
  const args = ['--format', 'json', inject('tarball')];
  const { analysis, problems } = JSON.parse(await run(join(bin, 'attw'), args, { cwd: root }));
  expect(Object.keys(analysis.entrypoints)).toEqual(expect.arrayContaining(['.', './sd']));
  expect(problems).toStrictEqual({});
});
