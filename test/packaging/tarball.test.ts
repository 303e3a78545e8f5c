import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
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
  examples: /^examples\/(README\.md|(?!demo\/)[\w-]+\/[\w@.-]+)$/,
  native: /^native\/([\w-]+\.(cc|h)|binding\.gyp|libsystemd\.gypi)$/,
};

test('the tarball holds the package and nothing else', () => {
  const others = files.filter((file) => !KINDS[file.split('/')[0]!]?.test(file));
  expect(others.sort()).toStrictEqual(
    [
      ...['CHANGELOG.md', 'LICENSE', 'README.md', 'SECURITY.md', 'package.json'],
      ...processors.map(prebuiltFile),
    ].sort(),
  );
});

/** What is only of use in the repository: the build by cmake-js, and what a build has left. */
const LEFT_OUT = /^(native\/(CMakeLists\.txt|package\.json|build\/.*)|examples\/demo\/.*)$/;

test.each(['native', 'docs', 'examples'])('all of %s that a user can need is in it', (folder) => {
  const all = readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1))
    .filter((file) => !LEFT_OUT.test(file));
  expect(files).toEqual(expect.arrayContaining(all));
});

const readPage = (page: string) =>
  readFileSync(join(installed, page), 'utf8').replace(/^ *```[\s\S]*?^ *```$/gm, '');

const links = files
  .filter((file) => file.endsWith('.md'))
  .flatMap((page) =>
    [...readPage(page).matchAll(/\]\((?!https:)([^)\s#]*)#?([^)\s]*)\)/g)].map(
      ([, path, anchor]) => ({ page, to: path ? join(dirname(page), path) : page, anchor }),
    ),
  );

/** What GitHub and npm make of the headings of a page, for links to them. */
function anchorsOf(page: string): ReadonlySet<string> {
  const anchors = new Set<string>();
  const ids = readPage(page).matchAll(/<a id="([^"]+)"/g);
  for (const [, id] of ids) anchors.add(id!);
  for (const [, heading] of readPage(page).matchAll(/^#+ (.*)$/gm)) {
    const name = heading!.toLowerCase().replace(/[^\p{L}\p{N}_ -]/gu, '');
    const anchor = name.replaceAll(' ', '-');
    anchors.add(anchors.has(anchor) ? `${anchor}-1` : anchor);
  }
  return anchors;
}

test('every link of a page leads to a file of the tarball, and to a heading that it has', () => {
  const dead = links.filter(
    ({ to, anchor }) => !files.includes(to) || (anchor && !anchorsOf(to).has(anchor)),
  );
  expect(dead).toStrictEqual([]);
  expect(links.length).toBeGreaterThan(100);
});

test('nothing in package.json has a package manager run a script, or fetch another package', () => {
  const { scripts, gypfile, dependencies } = JSON.parse(
    readFileSync(join(installed, 'package.json'), 'utf8'),
  );
  expect(dependencies).toBeUndefined();
  // The last is asked about by npm 11 and 12 when a tarball is installed.
  for (const script of ['preinstall', 'install', 'postinstall', 'prepare']) {
    expect(scripts).not.toHaveProperty(script);
  }
  // Without it `npm publish` adds an install script, because the repository has a binding.gyp.
  expect(gypfile).toBe(false);
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
