// What readJournal() refuses, before anything is started.
import { readJournal } from 'libsystemd/journal';
import { expect, test } from 'vitest';
import { inPrivateRun } from './private-run.ts';

const untyped = readJournal as (options: unknown) => unknown;

test.each<[options: unknown, code: string, message: RegExp]>([
  [null, 'ERR_INVALID_ARG_TYPE', /"options"/],
  [{ untis: 'a' }, 'ERR_INVALID_ARG_VALUE', /"unit", perhaps/],
  [{ unit: 7 }, 'ERR_INVALID_ARG_TYPE', /options\.unit.*list of strings/],
  [{ unit: [] }, 'ERR_INVALID_ARG_VALUE', /options\.unit/],
  [{ unit: '' }, 'ERR_INVALID_ARG_VALUE', /name of a unit/],
  [{ unit: 'a*' }, 'ERR_INVALID_ARG_VALUE', /name of a unit/],
  [{ unit: ['a', 'b?.service'] }, 'ERR_INVALID_ARG_VALUE', /name of a unit/],
  [{ unit: 'a[b]' }, 'ERR_INVALID_ARG_VALUE', /name of a unit/],
  [{ unit: '/etc/passwd' }, 'ERR_INVALID_ARG_VALUE', /name of a unit/],
  [{ unit: 'a\nb' }, 'ERR_INVALID_ARG_VALUE', /name of a unit/],
  [{ match: 'A=b' }, 'ERR_INVALID_ARG_TYPE', /options\.match/],
  [{ match: { '--vacuum-size': '1' } }, 'ERR_INVALID_ARG_VALUE', /name of a field/],
  [{ match: { 'A=b': 'c' } }, 'ERR_INVALID_ARG_VALUE', /name of a field/],
  [{ match: { a: 'c' } }, 'ERR_INVALID_ARG_VALUE', /name of a field/],
  [{ match: { '': 'c' } }, 'ERR_INVALID_ARG_VALUE', /name of a field/],
  [{ match: { A: [] } }, 'ERR_INVALID_ARG_VALUE', /options\.match\.A/],
  [{ match: { A: 1 } }, 'ERR_INVALID_ARG_TYPE', /options\.match\.A/],
  [{ match: { A: 'b\0c' } }, 'ERR_INVALID_ARG_VALUE', /null byte/],
  [{ priority: 'error' }, 'ERR_INVALID_ARG_VALUE', /emerg, alert/],
  [{ priority: 8 }, 'ERR_INVALID_ARG_VALUE', /options\.priority/],
  [{ since: '-1h' }, 'ERR_INVALID_ARG_TYPE', /instance of Date/],
  [{ since: new Date(Number.NaN) }, 'ERR_INVALID_ARG_VALUE', /options\.since/],
  [{ since: new Date(-1) }, 'ERR_INVALID_ARG_VALUE', /from 1970/],
  [{ after: 7 }, 'ERR_INVALID_ARG_TYPE', /options\.after/],
  [{ after: '' }, 'ERR_INVALID_ARG_VALUE', /cursor/],
  [{ after: '-x' }, 'ERR_INVALID_ARG_VALUE', /cursor/],
  [{ after: 's=1', since: new Date() }, 'ERR_INVALID_ARG_VALUE', /left out where there is since/],
  [{ last: 1, since: new Date() }, 'ERR_INVALID_ARG_VALUE', /options\.last/],
  [{ last: 1, after: 's=1' }, 'ERR_INVALID_ARG_VALUE', /options\.last/],
  [{ last: -1 }, 'ERR_OUT_OF_RANGE', /options\.last/],
  [{ last: 1.5 }, 'ERR_OUT_OF_RANGE', /options\.last/],
  [{ follow: 1 }, 'ERR_INVALID_ARG_TYPE', /options\.follow/],
  [{ fields: 'MESSAGE' }, 'ERR_INVALID_ARG_TYPE', /options\.fields/],
  [{ fields: [] }, 'ERR_INVALID_ARG_VALUE', /options\.fields" must be a list of one or more/],
  [{ fields: ['MESSAGE,x'] }, 'ERR_INVALID_ARG_VALUE', /name of a field/],
  [{ signal: {} }, 'ERR_INVALID_ARG_TYPE', /AbortSignal/],
])('readJournal(%j)', (options, code, message) => {
  expect(() => untyped(options)).toThrow(
    expect.objectContaining({ code, message: expect.stringMatching(message) }),
  );
});

test('an iteration that never begins starts nothing, and may be ended', async () => {
  const reader = readJournal({ match: { MESSAGE: 'x' } });
  expect(await reader.return()).toEqual({ done: true, value: undefined });
  expect(await reader.next()).toEqual({ done: true, value: undefined });
});

test('an aborted signal rejects the first step with its reason, and starts nothing', async () => {
  const signal = AbortSignal.abort(new Error('enough'));
  await expect(readJournal({ signal }).next()).rejects.toThrow('enough');
});

test('with values that are too long for a process the iteration rejects', async () => {
  const reader = readJournal({ match: { MESSAGE: 'x'.repeat(1 << 18) } });
  const facts = { name: 'SystemdError', code: 'E2BIG', syscall: 'spawn', path: 'journalctl' };
  await expect(reader.next()).rejects.toMatchObject(facts);
  expect(await reader.next()).toEqual({ done: true, value: undefined });
});

test('without journalctl the iteration rejects', async () => {
  const { PATH } = process.env;
  process.env['PATH'] = '/absent';
  try {
    await expect(readJournal().next()).rejects.toMatchObject({
      name: 'SystemdError',
      code: 'ENOENT',
      syscall: 'spawn',
      path: 'journalctl',
      message: expect.stringContaining('systemd has this program'),
    });
  } finally {
    process.env['PATH'] = PATH;
  }
});

test('without a free descriptor the iteration rejects, and another one reads later', async () => {
  const source = `
    import { openSync, closeSync } from 'node:fs';
    import { readJournal } from 'libsystemd/journal';
    const attempt = () => readJournal({ last: 1 }).next().catch(({ name, message }) => [name, message]);
    const opened = [];
    try { for (;;) opened.push(openSync('/dev/null')); } catch {}
    say(await attempt());
    for (const fd of opened) closeSync(fd);
    say(await attempt());`;
  const { said } = await inPrivateRun(source, { through: ['prlimit', '--nofile=64:64'] });
  expect(said[0]).toEqual(['SystemdError', "EMFILE: too many open files, spawn, 'journalctl'"]);
  expect(JSON.stringify(said[1])).not.toContain('EMFILE');
});
