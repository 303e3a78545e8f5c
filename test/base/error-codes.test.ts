// The table of this package's codes agrees with docs/errors.md and with the code that uses them.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ERROR_CODES } from '../../lib/base/error-codes.ts';
import { root } from '../support/tools.ts';

const codes = Object.keys(ERROR_CODES).sort();

const lib = join(root, 'lib');

const sources = readdirSync(lib, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts') && !file.endsWith('error-codes.ts'))
  .map((file) => readFileSync(join(lib, file), 'utf8'))
  .join('\n');

const errorsPage = readFileSync(join(root, 'docs/errors.md'), 'utf8');

/** The codes that a pattern finds in lib/, each once. */
const codesInLib = (pattern: RegExp) => [...new Set(sources.match(pattern))].sort();

test('the table is in alphabetical order', () => {
  expect(Object.keys(ERROR_CODES)).toEqual(codes);
});

test('lib/ uses each code of the table, and no other', () => {
  expect(codesInLib(/(?<=')ERR_SYSTEMD_\w+(?=')/g)).toEqual(codes);
});

test('no comment in lib/ names another code', () => {
  expect(codes).toEqual(expect.arrayContaining(codesInLib(/ERR_SYSTEMD_\w+/g)));
});

test('docs/errors.md lists each code with its meaning, and no other', () => {
  const rows = [...errorsPage.matchAll(/^\| `(ERR_SYSTEMD_\w+)` +\| (.*?) +\|$/gm)];
  expect(Object.fromEntries(rows.map(([, code, meaning]) => [code, meaning]))).toEqual(ERROR_CODES);
  expect(rows.length).toBe(codes.length);
});

test('docs/errors.md has a section about each code, and no other', () => {
  const sections = [...errorsPage.matchAll(/^### `(ERR_SYSTEMD_\w+)`$/gm)];
  expect(sections.map(([, code]) => code).sort()).toEqual(codes);
});
