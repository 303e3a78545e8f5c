// Excerpts, options and error codes in the pages agree with the files that they come from.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { root } from '../support/tools.ts';

const read = (path: string) => readFileSync(join(root, path), 'utf8');

const docs = readdirSync(join(root, 'docs'), { encoding: 'utf8', recursive: true }).filter((name) =>
  name.endsWith('.md'),
);

/** The excerpts of files: each stands below a comment with the path of its file. */
const excerpts = ['README.md', ...docs.map((name) => `docs/${name}`)].flatMap((page) =>
  [...read(page).matchAll(/<!-- (\S+) -->\n```\w+\n([\s\S]*?)```/g)].map(([, path, text]) => ({
    page,
    path: path as string,
    text: text as string,
  })),
);
const quotedBy = (page: string) =>
  excerpts.filter((excerpt) => excerpt.page === page).map(({ path }) => path);

test('README.md quotes a server, a socket unit, a service unit and a Dockerfile', () => {
  expect(quotedBy('README.md')).toEqual([
    'examples/hello/server.mjs',
    'examples/hello/hello.socket',
    'examples/hello/hello.service',
    'examples/dockerfile/Dockerfile',
  ]);
});

/** The members of an interface that a page of docs/api has a table of. */
function membersOf(page: string, name: string): readonly string[] {
  const [, section = ''] = read(page).split(`\n### ${name}\n`);
  const [table = ''] = section.split(/^#{1,3} /m);
  return [...table.matchAll(/^\| <a id="[^"]*"><\/a> `(\w+)\??`/gm)].map(([, member]) => member!);
}

test('README.md has a row for each option of serve()', () => {
  const [, section = ''] = read('README.md').split('\n## Options of `serve()`\n');
  const [table = ''] = section.split('\n## ');
  const rows = [...table.matchAll(/^\| `(\w+)` \|/gm)].map(([, option]) => option!);
  const options = [
    ...membersOf('docs/api/service.md', 'ServeOptions'),
    ...membersOf('docs/api/sockets.md', 'ListenFdOptions'),
  ];
  expect(options).toContain('stopTimeout');
  expect(rows.sort()).toEqual(options.sort());
});

test('docs/programs quotes every program and unit of its folders', () => {
  const paths = ['examples/frameworks', 'test/programs/servers'].flatMap((folder) =>
    readdirSync(join(root, folder))
      .filter((name) => name !== 'README.md')
      .map((name) => `${folder}/${name}`),
  );
  const pages = docs.filter((name) => name.startsWith('programs/'));
  const quoted = pages.flatMap((name) => quotedBy(`docs/${name}`));
  expect(quoted.sort()).toEqual(paths.sort());
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

test("docs/errors.md names each of Node's codes that are thrown too", () => {
  const thrown = new Set(sources.match(/(?<=['"])ERR_\w+(?=['"])/g));
  expect(thrown).toContain('ERR_MEMORY_ALLOCATION_FAILED');
  const named = new Set(errors.match(/(?<=`)ERR_\w+(?=`)/g));
  expect([...thrown].filter((code) => !named.has(code))).toEqual([]);
});
