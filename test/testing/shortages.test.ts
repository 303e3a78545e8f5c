// Units in a process that lacks something, or whose program has too much of it.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { root } from '../support/tools.ts';
import { does, programs, startUnit } from './support.ts';

/** Runs a program of the tests in a shell that does something first. Returns what it has printed. */
function runAfter(command: string, program: string, ...args: readonly string[]): string {
  const words = [process.execPath, join(programs, program), ...args];
  const { stdout, stderr } = spawnSync('sh', ['-c', `${command}; exec "$@"`, 'sh', ...words], {
    encoding: 'utf8',
    cwd: root,
  });
  return `${stdout}${stderr}`;
}

test('a program may write without end: the last of it is kept', async () => {
  const unit = await startUnit(
    does('print:begin', `write:${40 * 2 ** 20}`, 'print:end', 'READY=1'),
  );
  expect(unit.output).toMatch(/^\(\d+ characters before these\)\nx+end\n$/);
  expect(unit.output.length).toBeGreaterThanOrEqual(2 ** 24);
  await unit.stop();
});

test.each(['0777', '0077'])(
  'whatever the umask is (%s), a daemon without privileges is reached',
  (umask) => {
    const printed = runAfter(`umask ${umask}`, 'reached.mjs');
    expect(printed).toBe('active: a message, two connections\n');
  },
);

test.each([
  ['does not exist', '/nonexistent', 'ENOENT'],
  ['is no folder', '/dev/null', 'ENOTDIR'],
])('a TMPDIR that %s is named, with what to change', (_what, tmpdir, code) => {
  expect(runAfter(`export TMPDIR=${tmpdir}`, 'started.mjs')).toBe(
    `${code} ${code}: the sockets of a unit need a folder, and none can be made in ${tmpdir}: set TMPDIR to a folder that exists and can be written\n`,
  );
});

test('a working directory that was deleted is named, and another one can be given', () => {
  const printed = runAfter('mkdir "$0.$$" && cd "$0.$$" && rmdir "$PWD"', 'without-folder.mjs');
  expect(printed).toBe(
    'The working directory of this process has been deleted: change to another one\nactive\n',
  );
});

test('a start without descriptors leaves none open', () => {
  expect(runAfter('ulimit -n 60', 'without-descriptors.mjs')).toBe('');
});

test('a kit that could not be loaded for lack of descriptors is loaded later', () => {
  expect(runAfter('ulimit -n 60', 'loaded-late.mjs')).toBe(
    "EMFILE; EMFILE: too many open files, open, 'cjs/testing.js'\nactive; undefined\n",
  );
});

test.each([
  ['no', /^failed: signal\nended\n$/],
  ['always', /^failed: start-limit-hit\n.*Failed to spawn .* no descriptor .*\nended\n$/],
])('without descriptors the end of a program is noticed: restart %s', (restart, expected) => {
  expect(runAfter('ulimit -n 60', 'died-without-descriptors.mjs', restart)).toMatch(expected);
});

test('without descriptors nothing throws where nobody catches it, and a stop and an abort leave no process', () => {
  expect(runAfter('ulimit -n 60', 'ended-without-descriptors.mjs')).toBe(
    'stop: null, ended\nabort: ended\nlook after a stop: SIGTERM\n',
  );
});
