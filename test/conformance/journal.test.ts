// The functions of sd-journal(3) in libsystemd/sd return what they return to a C program, and send the same bytes; and so do the
// built-in functions.
import { describe, expect, test } from 'vitest';
import { inPrivateRun } from '../journal/private-run.ts';
import { tool } from '../support/tools.ts';
import { withoutLibrary } from '../support/without-library.ts';

const many = (count: number, field: string) => Array.from({ length: count }, () => field);

/** Calls as test/tools/journal.c takes them. */
const CALLS: readonly (readonly string[])[] = [
  ['sendv', 'MESSAGE=hello'],
  ['sendv', 'MESSAGE=hello', 'PRIORITY=3', 'A=', 'A=1', 'A=1'],
  ['sendv', 'MESSAGE=two\nlines', 'BYTES=\\x00\\xff\\x0a', 'NUL=a\\x00b'],
  ['sendv', 'SYSLOG_IDENTIFIER=me', 'MESSAGE=x'],
  ['sendv', 'SYSLOG_IDENTIFIER=', 'MESSAGE=x'],
  ['sendv', 'SYSLOG_IDENTIFIER_=no', 'MESSAGE=x'],
  ['sendv', 'lower-case name=x', '_PID=1', 'Ä=x'],
  ['sendv', 'MESSAGE=a=b=c', 'X=\n'],
  ['sendv', 'LONG={300000}', 'MESSAGE=x\ny'],
  ['sendv', 'LONG={9000000}', 'MESSAGE=x\ny'],
  ['sendv'],
  ['sendv', ''],
  ['sendv', 'A'],
  ['sendv', '=A'],
  ['sendv', 'AB'],
  ['sendv', 'A\nB=C'],
  ['sendv', 'MESSAGE=x', '='],
  ['sendv', 'MESSAGE=x', '=x'],
  ['sendv', ...many(510, 'A=1')],
  ['sendv', ...many(511, 'A=1')],
  ['sendv', 'SYSLOG_IDENTIFIER=x', ...many(511, 'A=1')],
  ['sendv', 'SYSLOG_IDENTIFIER=x', ...many(512, 'A=1')],
  ['sendv', ...many(204, 'A=\n')],
  ['sendv', ...many(205, 'A=\n')],
  ['print', '6', 'hello'],
  ['print', '0', '  %s %n \t\r\n\n'],
  ['print', '7', 'two\nlines\n'],
  ['print', '6', ' \t\r\n'],
  ['print', '6', ''],
  ['print', '6', '\\x0b\\x0c'],
  ['print', '-1', 'x'],
  ['print', '8', 'x'],
  ['print', '6', '{1048575}'],
  ['print', '6', '{1048567}'],
  ['print', '6', '{1048568}'],
  ['print', '6', '{1048576}'],
  ['print', '6', ' {1048575}'],
  ['stream', 'me', '6', '1'],
  ['stream', 'NULL', '0', '0'],
  ['stream', '', '7', '-1'],
  ['stream', 'a\nb', '3', '1'],
  ['stream', 'x{2000}', '3', '1'],
  ['stream', 'me', '8', '1'],
  ['stream', 'me', '-1', '1'],
];

/** How each program is run. The C program too has the name node, because it sends its name. */
const PROGRAMS = {
  inC: `calls.map((call) => run('${tool('journal')}', call, '', {})).join('')`,
  inNode: `run(process.execPath, runner, JSON.stringify(calls), {})`,
  builtin: `run(process.execPath, runner, JSON.stringify(calls), ${JSON.stringify(withoutLibrary())})`,
};

const COMMON = `
  import { spawnSync } from 'node:child_process';
  import { createHash } from 'node:crypto';
  import { once } from 'node:events';
  import { createServer } from 'node:net';
  import { text } from 'node:stream/consumers';
  const calls = ${JSON.stringify(CALLS)};
  const runner = ['test/conformance/journal-runner.mjs'];
  const run = (program, args, input, env) => {
    const { stdout, stderr } = spawnSync(program, args, { argv0: 'node', input, env: { ...process.env, ...env } });
    return String(stdout) + stderr;
  };
  // Long values are compared by their hashes.
  const short = (value) => value.length < 200 ? value : createHash('sha256').update(value).digest('hex');
`;

interface Outcome {
  readonly results: readonly string[];
  readonly entries: readonly unknown[];
  readonly streams: readonly string[];
}

/** What a program's calls return, and what they send. Newer versions of libsystemd set one seal more than journald asks for. */
async function outcomeOf(program: keyof typeof PROGRAMS): Promise<Outcome> {
  const source = `${COMMON}
    const receiver = await Receiver.start();
    const streams = [];
    const server = createServer((socket) => streams.push(text(socket))).listen('/run/systemd/journal/stdout');
    await once(server, 'listening');
    const results = ${PROGRAMS[program]}.trimEnd().split('\\n');
    const entries = (await receiver.take()).map((entry) => ({ isSealed: (entry.seals & 15) === 15, fields: entry.fields.map(([name, value]) => [name, short(value)]) }));
    await until(() => streams.length === ${CALLS.filter(([name, , priority]) => name === 'stream' && /^[0-7]$/.test(priority ?? '')).length});
    say({ results, entries, streams: (await Promise.all(streams)).map(short) });
    server.close();
    await receiver.end();`;
  const { said, stderr, code } = await inPrivateRun(source);
  expect([stderr, code]).toEqual(['', 0]);
  return said[0] as Outcome;
}

describe('sd_journal_sendv(), sd_journal_print() and sd_journal_stream_fd()', async () => {
  const [inC, inNode, builtin] = await Promise.all([
    outcomeOf('inC'),
    outcomeOf('inNode'),
    outcomeOf('builtin'),
  ]);

  const rows = CALLS.map((call, i) => [call.slice(0, 4).join(' ').slice(0, 60), i] as const);

  test.each(rows)('%s returns what it returns in C', (_call, i) => {
    expect([inNode.results[i], builtin.results[i]]).toEqual([inC.results[i], inC.results[i]]);
  });

  test('the table has successes and errors', () => {
    expect(inC.results).toHaveLength(CALLS.length);
    expect(new Set(inC.results)).toEqual(new Set(['0', '1', '-22', '-105']));
  });

  test('they send the same entries', () => {
    expect(inC.entries.length).toBeGreaterThan(10);
    expect(inNode.entries).toEqual(inC.entries);
    expect(builtin.entries).toEqual(inC.entries);
  });

  test('they open the same streams', () => {
    expect(inNode.streams).toEqual(inC.streams);
    expect(builtin.streams).toEqual(inC.streams);
  });
});

test.each(Object.keys(PROGRAMS) as (keyof typeof PROGRAMS)[])(
  'without a journal %s returns the same',
  async (program) => {
    const ask = (name: keyof typeof PROGRAMS) =>
      inPrivateRun(`${COMMON} say(${PROGRAMS[name]}.split('\\n'));`);
    const [{ said }, expected] = await Promise.all([ask(program), ask('inC')]);
    expect(said).toEqual(expected.said);
    expect(String(said)).toContain('-2');
  },
);

test('arguments that C cannot have are refused', async () => {
  const { sd_journal_print, sd_journal_sendv, sd_journal_stream_fd } = await import(
    '../../lib/sd.ts'
  );
  const wrong: [() => unknown, string][] = [
    [() => sd_journal_sendv('MESSAGE=x' as never), 'ERR_INVALID_ARG_TYPE'],
    [() => sd_journal_sendv([1 as never]), 'ERR_INVALID_ARG_TYPE'],
    [() => sd_journal_sendv(many(4_097, 'A=1')), 'ERR_OUT_OF_RANGE'],
    [() => sd_journal_print('6' as never, 'x'), 'ERR_INVALID_ARG_TYPE'],
    [() => sd_journal_print(6, 'a\0b'), 'ERR_INVALID_ARG_VALUE'],
    [() => sd_journal_print(6, 1 as never), 'ERR_INVALID_ARG_TYPE'],
    [() => sd_journal_stream_fd('a\0b', 6, true), 'ERR_INVALID_ARG_VALUE'],
    [() => sd_journal_stream_fd('x', 6.5, true), 'ERR_OUT_OF_RANGE'],
    [() => sd_journal_stream_fd('x', 6, 'yes' as never), 'ERR_INVALID_ARG_TYPE'],
  ];
  for (const [call, code] of wrong) expect(call).toThrow(expect.objectContaining({ code }));
});

test('a program that imports libsystemd/sd does not load the second add-on', async () => {
  const source = `
    const sd = await import('libsystemd/sd');
    sd.sd_booted();
    const loaded = () => process.report.getReport().sharedObjects.some((path) => path.includes('libsystemd-sockets'));
    const before = loaded();
    sd.sd_journal_print(6, 'x');
    say([before, loaded()]);`;
  expect((await inPrivateRun(source)).said).toEqual([[false, true]]);
});
