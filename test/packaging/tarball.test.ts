// The tarball: its files, the links in its pages, and its package.json.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, inject, test } from 'vitest';
import { prebuiltFiles, processors, root } from '../../scripts/processors.mjs';
import { run } from './machine.ts';

const installed = join(inject('app'), 'node_modules/libsystemd');
const files = readdirSync(installed, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => join(entry.parentPath, entry.name).slice(installed.length + 1));

/** The files that each folder of the tarball may have. */
const KINDS: Readonly<Record<string, RegExp>> = {
  dist: /^dist\/((cjs\/)?(index|sd|auto|testing|doctor|environment|unix|journal|pino|winston)\.(d\.ts|js)|whole(-testing)?\.js|cli\.js|(cjs|parts)\/([a-z-]+\.js|package\.json))$/,
  docs: /^docs\/.*\.md$/,
  examples: /^examples\/(README\.md|(?!demo\/)[\w-]+\/(test\/)?[\w@.-]+)$/,
  native: /^native\/((sockets\/)?[\w-]+\.(cc|h|gypi)|binding\.gyp)$/,
};

test('the tarball has the files of the package and no others', () => {
  const others = files.filter((file) => !KINDS[file.split('/')[0]!]?.test(file));
  expect(others.sort()).toStrictEqual(
    [
      ...['CHANGELOG.md', 'LICENSE', 'README.md', 'SECURITY.md', 'package.json'],
      ...processors.flatMap(prebuiltFiles),
    ].sort(),
  );
});

/** Files that are only useful in the repository: for a build by cmake-js, and the results of builds and test runs. */
const LEFT_OUT =
  /^(native\/(CMakeLists\.txt|package\.json|build\/.*)|examples\/(demo\/.*|.*\/node_modules\/.*))$/;

test.each(['native', 'docs', 'examples'])(
  'the tarball has every file of %s that is useful to users',
  (folder) => {
    const all = readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1))
      .filter((file) => !LEFT_OUT.test(file));
    expect(files).toEqual(expect.arrayContaining(all));
  },
);

const readPage = (page: string) =>
  readFileSync(join(installed, page), 'utf8').replace(/^ *```[\s\S]*?^ *```$/gm, '');

const links = files
  .filter((file) => file.endsWith('.md'))
  .flatMap((page) =>
    [...readPage(page).matchAll(/\]\((?!https:)([^)\s#]*)#?([^)\s]*)\)/g)].map(
      ([, path, anchor]) => ({ page, to: path ? join(dirname(page), path) : page, anchor }),
    ),
  );

/** The anchors that GitHub and npm make for the headings of a page. */
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

test('every link of a page leads to a file of the tarball, and to an existing heading', () => {
  const dead = links.filter(
    ({ to, anchor }) => !files.includes(to) || (anchor && !anchorsOf(to).has(anchor)),
  );
  expect(dead).toStrictEqual([]);
  expect(links.length).toBeGreaterThan(100);
});

test('package.json makes no package manager run a script or fetch another package', () => {
  const { scripts, gypfile, dependencies } = JSON.parse(
    readFileSync(join(installed, 'package.json'), 'utf8'),
  );
  expect(dependencies).toBeUndefined();
  // `prepare`, because npm 11 and 12 ask about it when a tarball is installed.
  for (const script of ['preinstall', 'install', 'postinstall', 'prepare']) {
    expect(scripts).not.toHaveProperty(script);
  }
  // gypfile, because otherwise `npm publish` adds an install script for binding.gyp.
  expect(gypfile).toBe(false);
});

test('the command is installed, and prints its version and its help', async () => {
  const { version } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8'));
  const command = join(inject('app'), 'node_modules/.bin/libsystemd');
  expect(await run(command, ['--version'], { cwd: inject('app') })).toBe(`${version}\n`);
  expect(await run(command, ['units', '--help'], { cwd: inject('app') })).toContain('--listen');
});

const bin = join(root, 'node_modules/.bin');

test('publint finds no problem', async () => {
  const report = await run(join(bin, 'publint'), ['--strict', inject('tarball')], { cwd: root });
  expect(report).toContain('All good!');
});

test('attw finds the types for import, for require() and for old module resolutions', async () => {
  const args = ['--format', 'json', inject('tarball')];
  const { analysis, problems } = JSON.parse(await run(join(bin, 'attw'), args, { cwd: root }));
  expect(Object.keys(analysis.entrypoints)).toEqual(
    expect.arrayContaining([
      '.',
      './sd',
      './auto',
      './testing',
      './doctor',
      './environment',
      './journal',
      './unix',
      './pino',
      './winston',
    ]),
  );
  expect(problems).toStrictEqual({});
});
