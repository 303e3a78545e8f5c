// Each entry of the installed package, by import and by require().
import { readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { expect, inject, test } from 'vitest';
import { root } from '../../scripts/processors.mjs';
import { evaluate } from './machine.ts';

const cwd = inject('app');
const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

// Programs that use this entry have installed winston.
symlinkSync(join(root, 'node_modules/winston'), join(cwd, 'node_modules/winston'));

/** What each entry has and can do where nothing runs it: an expression with the entry as `all`, and its value. */
const ENTRIES: Readonly<Record<string, readonly [expression: string, value: unknown]>> = {
  '.': ['all.listenFds()', []],
  './sd': ['all.sd_listen_fds()', 0],
  './auto': ['Object.keys(all)', []],
  './testing': ['typeof all.start', 'function'],
  './doctor': ['typeof all.diagnose', 'function'],
  './environment': ['all.startedByManager()', false],
  './journal': [`all.levelPrefix('err', 'x')`, '<3>x'],
  './pino': ['[all.journalDestination().dropped, all.default().writable]', [0, true]],
  './winston': ['new all.JournalTransport().dropped', 0],
  './unix': ['new all.UnixDatagram().waiting', 0],
  './package.json': ['all.name', 'libsystemd'],
};

const LOADINGS = {
  import: ['module', (name: string) => `await import('${name}')`],
  'require()': ['commonjs', (name: string) => `require('${name}')`],
} as const;

const CASES = Object.keys(LOADINGS).flatMap((loading) =>
  Object.keys(exports)
    .filter((entry) => loading === 'require()' || !entry.endsWith('.json'))
    .map((entry) => [entry, loading as keyof typeof LOADINGS] as const),
);

test.each(CASES)('%s is loaded by %s', async (entry, loading) => {
  const [expression, value] = ENTRIES[entry] ?? ['', `no line for ${entry}`];
  const [type, load] = LOADINGS[loading];
  const source = `const all = ${load(join('libsystemd', entry))}; result(${expression});`;
  expect(await evaluate(source, { cwd, type })).toStrictEqual(value);
});
