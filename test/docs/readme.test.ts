import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { root } from '../support/tools.ts';

const readme = readFileSync(join(root, 'README.md'), 'utf8');
const excerpts = [...readme.matchAll(/<!-- (\S+) -->\n```\w+\n([\s\S]*?)```/g)];

test('quotes a server, a socket unit and a service unit', () => {
  expect(excerpts.map(([, path]) => path)).toEqual([
    'examples/hello/server.mjs',
    'examples/hello/hello.socket',
    'examples/hello/hello.service',
  ]);
});

test.each(excerpts.map(([, path, text]) => [path as string, text as string]))(
  'quotes %s as it is',
  (path, text) => expect(text).toBe(readFileSync(join(root, path), 'utf8')),
);

const errors = readFileSync(join(root, 'docs/errors.md'), 'utf8');
const sources = readdirSync(join(root, 'lib'))
  .map((name) => readFileSync(join(root, 'lib', name), 'utf8'))
  .join('\n');

test('docs/errors.md has an entry for each code of the package, and for no other', () => {
  const thrown = new Set(sources.match(/(?<=')ERR_SYSTEMD_\w+(?=')/g));
  const documented = new Set(errors.match(/(?<=^### `)ERR_SYSTEMD_\w+/gm));
  expect([...documented].sort()).toEqual([...thrown].sort());
});
