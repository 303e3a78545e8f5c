// The tables of docs/architecture.md, which say where everything is, leave nothing out.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { root } from '../support/tools.ts';

const page = readFileSync(join(root, 'docs/architecture.md'), 'utf8');

/** The names in the first column of the tables: `watcher.{h,cc}` is two, and `builtin-*.h` stays a pattern. */
const named: readonly string[] = [...page.matchAll(/^\| (`.*?) \|/gm)].flatMap(([, cell]) =>
  [...(cell as string).matchAll(/`([^`]+)`/g)].flatMap(([, name]) => {
    const [, before, choices, after] = /^(.*)\{(.*)\}(.*)$/.exec(name as string) ?? [];
    return choices?.split(',').map((one) => `${before}${one}${after}`) ?? [name as string];
  }),
);

const isNamed = (file: string) =>
  named.some((name) => {
    const [before = '', after] = name.split('*');
    return after === undefined ? name === file : file.startsWith(before) && file.endsWith(after);
  });

const entriesOf = (folder: string) => readdirSync(join(root, folder), { withFileTypes: true });

const foldersOf = (folder: string) =>
  entriesOf(folder)
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name);

const filesOf = (folder: string, ending: RegExp) =>
  entriesOf(folder)
    .filter((entry) => entry.isFile() && ending.test(entry.name))
    .map(({ name }) => name);

test('each folder of lib/ has a row', () => {
  expect(foldersOf('lib').filter((name) => !isNamed(`lib/${name}`))).toEqual([]);
});

test('each entry of lib/ is named', () => {
  const entries = filesOf('lib', /\.ts$/).map((name) => `lib/${name}`);
  expect(entries.filter((path) => !page.includes(`\`${path}\``))).toEqual([]);
});

test.each(['native', 'native/sockets'])('each source file of %s has a row', (folder) => {
  expect(filesOf(folder, /\.(cc|h)$/).filter((name) => !isNamed(name))).toEqual([]);
});

test('each folder of test/ has a row, or is named', () => {
  const isMissing = (name: string) => !isNamed(`${name}/`) && !page.includes(`test/${name}/`);
  expect(foldersOf('test').filter(isMissing)).toEqual([]);
});
