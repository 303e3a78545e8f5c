// Paths of the repository that the pages name.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { root } from '../support/tools.ts';

const docs = readdirSync(join(root, 'docs'))
  .filter((name) => name.endsWith('.md'))
  .map((name) => `docs/${name}`);
const pages = ['README.md', 'CONTRIBUTING.md', 'SECURITY.md', 'bench/README.md', ...docs];

/** `lib/base/warn.ts`, test/docs: a path from the root, in backticks or not. `{h,cc}` means both. */
const PATH =
  /(?<![\w./@-])(?:lib|native|test|scripts|bench|examples|docs)\/[\w./@{},-]*\w(?![\w*]|\\\*)/g;

function expand(path: string): readonly string[] {
  const [, before, choices, after] = /^(.*)\{(.*)\}(.*)$/.exec(path) ?? [];
  return choices === undefined ? [path] : choices.split(',').map((one) => before + one + after);
}

/** What builds make, and a clone does not have. */
const isBuilt = (path: string) => path.startsWith('native/build');

const pathsOf = (page: string) =>
  [...readFileSync(join(root, page), 'utf8').matchAll(PATH)]
    .flatMap(([path]) => expand(path))
    .filter((path) => !isBuilt(path));

test('docs/architecture.md names files of the folders of lib/', () => {
  expect(pathsOf('docs/architecture.md')).toContain('lib/notification/state.ts');
});

test.each(pages)('every path that %s names is in the repository', (page) => {
  expect(pathsOf(page).filter((path) => !existsSync(join(root, path)))).toEqual([]);
});
