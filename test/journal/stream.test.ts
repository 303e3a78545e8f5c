// Standard output and standard error as streams of the journal.
import { spawnSync } from 'node:child_process';
import { closeSync, fstatSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { levelPrefix } from '../../lib/journal/stream.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { root } from '../support/tools.ts';

const LONG = 48 * 1024 - 3;

describe('levelPrefix()', () => {
  test.each([
    ['one line', 'err', 'a', '<3>a'],
    ['the number of the priority', 0, 'a', '<0>a'],
    ['every line', 'debug', 'a\nb\n\nc', '<7>a\n<7>b\n<7>\n<7>c'],
    ['no line after the last line break', 'info', 'a\n', '<6>a\n'],
    ['nothing', 'info', '', ''],
    ['a line break alone', 'info', '\n', '<6>\n'],
    ['the lines that null bytes end', 'info', 'a\0b\0', '<6>a\n<6>b\n'],
    ['a longest line', 'info', 'x'.repeat(LONG), `<6>${'x'.repeat(LONG)}`],
    ['each part of a longer line', 'info', 'x'.repeat(LONG + 1), `<6>${'x'.repeat(LONG)}\n<6>x`],
    [
      'parts that end between characters',
      'info',
      '😀'.repeat(LONG / 4 + 1),
      `<6>${'😀'.repeat(Math.floor(LONG / 4))}\n<6>${'😀'.repeat(1)}`,
    ],
    ['a prefix of the text itself', 'info', '<0>a', '<6><0>a'],
  ] as const)('prefixes %s', (_what, priority, text, prefixed) => {
    expect(levelPrefix(priority, text)).toBe(prefixed);
  });

  test.each(['error', 8, -1, '3', undefined, 1.5])('refuses the priority %j', (priority) => {
    expect(() => levelPrefix(priority as never, 'a')).toThrow(
      expect.objectContaining({
        code: 'ERR_INVALID_ARG_VALUE',
        message: expect.stringContaining('one of emerg, alert, crit, err, warning, notice, info'),
      }),
    );
  });

  test('refuses what is no text', () => {
    expect(() => levelPrefix('err', 1 as never)).toThrow(
      expect.objectContaining({ code: 'ERR_INVALID_ARG_TYPE' }),
    );
  });
});

describe('isStream()', () => {
  const file = join(temporaryFolder(), 'stream');
  const fd = openSync(file, 'a+');
  const { dev, ino } = fstatSync(fd, { bigint: true });

  /** What a program says whose standard output is the file, and whose standard error is a pipe. */
  function ask(stream: string | undefined): unknown {
    const source = `
      import { journal } from 'libsystemd/journal';
      const asked = [1, 2].map((fd) => journal.isStream(fd));
      process.getBuiltinModule('fs').closeSync(1);
      process.stderr.write(JSON.stringify([...asked, journal.isStream(1)]));`;
    const env = { ...process.env, ...(stream !== undefined && { JOURNAL_STREAM: stream }) };
    const { stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', source], {
      cwd: root,
      env,
      stdio: ['ignore', fd, 'pipe'],
    });
    return JSON.parse(String(stderr));
  }

  test.each([
    ['unset', undefined, [false, false, false]],
    ['empty', '', [false, false, false]],
    ['the file of standard output', `${dev}:${ino}`, [true, false, false]],
    ['another inode', `${dev}:${ino + 1n}`, [false, false, false]],
    ['another device', `${dev + 1n}:${ino}`, [false, false, false]],
    ['no such value', 'x', [false, false, false]],
  ])('with JOURNAL_STREAM %s', (_what, stream, answers) => {
    expect(ask(stream)).toEqual(answers);
  });

  test('the file was closed at the end', () => {
    expect(() => closeSync(fd)).not.toThrow();
  });
});
