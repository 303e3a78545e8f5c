import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { root } from '../support/tools.ts';

const read = (path: string) => readFileSync(join(root, path), 'utf8');

const docs = readdirSync(join(root, 'docs'), { encoding: 'utf8', recursive: true }).filter((name) =>
  name.endsWith('.md'),
);

/** Code below a comment with the path of the file that it is from. */
const excerpts = ['README.md', ...docs.map((name) => `docs/${name}`)].flatMap((page) =>
  [...read(page).matchAll(/<!-- (\S+) -->\n```\w+\n([\s\S]*?)```/g)].map(([, path, text]) => ({
    page,
    path: path as string,
    text: text as string,
  })),
);
const quotedBy = (page: string) =>
  excerpts.filter((excerpt) => excerpt.page === page).map(({ path }) => path);

test('README.md quotes a Dockerfile, a server, a socket unit and a service unit', () => {
  expect(quotedBy('README.md')).toEqual([
    'examples/dockerfile/Dockerfile',
    'examples/hello/server.mjs',
    'examples/hello/hello.socket',
    'examples/hello/hello.service',
  ]);
});

test('docs/frameworks.md quotes every program and unit of its folder', () => {
  const folder = 'examples/frameworks';
  const files = readdirSync(join(root, folder)).filter((name) => name !== 'README.md');
  const paths = files.map((name) => `${folder}/${name}`);
  expect(quotedBy('docs/frameworks.md').sort()).toEqual(paths.sort());
});

test.each(excerpts)('$page quotes $path as it is', ({ path, text }) => {
  expect(`\n${read(path)}`).toContain(`\n${text}`);
});

const errors = read('docs/errors.md');
const sources = ['lib', 'native']
  .flatMap((folder) =>
    readdirSync(join(root, folder), { encoding: 'utf8', recursive: true })
      .filter((name) => /\.[a-z]+$/.test(name))
      .map((name) => read(`${folder}/${name}`)),
  )
  .join('\n');

test('docs/errors.md has an entry for each code of the package, and for no other', () => {
  const thrown = new Set(sources.match(/(?<=['"])ERR_SYSTEMD_\w+(?=['"])/g));
  const documented = new Set(errors.match(/(?<=^### `)ERR_SYSTEMD_\w+/gm));
  expect([...documented].sort()).toEqual([...thrown].sort());
});

test("docs/errors.md names each of Node's codes that are thrown too", () => {
  const thrown = new Set(sources.match(/(?<=['"])ERR_\w+(?=['"])/g));
  expect(thrown).toContain('ERR_MEMORY_ALLOCATION_FAILED');
  const named = new Set(errors.match(/(?<=`)ERR_\w+(?=`)/g));
  expect([...thrown].filter((code) => !named.has(code))).toEqual([]);
});
