// libsystemd/sd returns what libsystemd returns to a C program that makes the same calls.
import { beforeAll, describe, expect, test } from 'vitest';
import { type Run, run, runFresh } from './run.ts';
import { type Call, calls, freshProcesses } from './table.ts';

/** A call as a test name: its fields separated by spaces, long fields cut. */
function title({ line }: Call): string {
  const short = (field: string) =>
    field.length <= 60 ? field || "''" : `${field.slice(0, 40)}…(${field.length})`;
  return line.split('\t').map(short).join(' ');
}

/** The sign of C's answer: an error (-), 0 (0), or more than 0 (+). */
function sign(answer: string): '-' | '0' | '+' {
  if (/^(-|ERR_)/.test(answer)) return '-';
  return /^0(\t|$)/.test(answer) ? '0' : '+';
}

/** The signs that the answers of a function must include, for a function that can't have all three. */
const possible: Readonly<Record<string, string>> = {
  sd_booted: '', // the table has one call, and its answer depends on the machine
  sd_pidfd_get_inode_id: '-0', // the result is 0, and the id an out-parameter
};

/** The version that added a function, for functions that some of the tested versions lack. */
const added: Readonly<Record<string, number>> = {
  sd_pid_notify_barrier: 254,
  sd_pidfd_get_inode_id: 258,
};

/** The version by the file's name: each version adds 1 to its number, and 252 has libsystemd.so.0.35.0. */
const version = (library: string) => 217 + Number(/\.so\.0\.(\d+)/.exec(library)?.[1]);

const names = [...new Set(calls.map(({ name }) => name))];
const callsOf = (name: string) =>
  calls.flatMap((call, index) => (call.name === name ? [{ call, index }] : []));

let ran: Run;
beforeAll(async () => {
  ran = await run();
  const signs = ran.inC.lines.map(sign);
  const count = (one: string) => signs.filter((each) => each === one).length;
  console.log(
    `${ran.inC.library}: ${count('-')} errors, ${count('0')} times 0, ${count('+')} times more`,
  );
});

test('both programs use the same libsystemd, and answer every call', () => {
  const { inC, inNode } = ran;
  expect(inNode.library).toBe(inC.library);
  // LIBSYSTEMD_TEST_SYSTEMD is the folder of scripts/fetch-systemd.mjs. The loader silently ignores a folder of
  // LD_LIBRARY_PATH that does not exist.
  expect(inC.library).toContain(process.env['LIBSYSTEMD_TEST_SYSTEMD'] ?? '/libsystemd.so');
  expect(inC.lines).toHaveLength(calls.length);
  expect(inNode.lines).toHaveLength(calls.length);
  expect(calls.length).toBeGreaterThan(200);
});

describe.each(names)('%s', (name) => {
  const rows = callsOf(name).map(({ call, index }) => [title(call), call, index] as const);

  test.for(rows)('%s', ([, { line }, index], { skip }) => {
    const missing = [...ran.missing].find(([descriptor]) => line.includes(`{${descriptor}}`));
    skip(missing !== undefined, `this machine has no ${missing?.join(': ')}`);
    expect(ran.inNode.lines[index]).toBe(ran.inC.lines[index]);
  });

  test('the table has calls with a negative, a zero and a positive result, where the function can return them', () => {
    const answers = rows.map(([, , index]) => ran.inC.lines[index] ?? '');
    const absent = answers.every((answer) => answer.startsWith('ERR_SYSTEMD_FUNCTION'));
    expect(absent).toBe(version(ran.inC.library) < (added[name] ?? 0));
    const expected = absent ? '-' : (possible[name] ?? '-0+');
    expect(answers.map(sign)).toEqual(expect.arrayContaining([...expected]));
  });
});

describe('both programs send the same datagrams to the manager', () => {
  test.each(['receiver', 'abstractReceiver', 'holder'])('at {%s}', (name) => {
    const { inC, inNode } = ran.received[name]!;
    expect(inC.length).toBeGreaterThan(5);
    expect(inNode).toEqual(inC);
  });
});

describe('both programs make the same descriptors close-on-exec', () => {
  const rows = freshProcesses.map((asked) => [asked.map(title).join(', '), asked] as const);

  test.each(rows)('%s', async (_, asked) => {
    const { inC, inNode } = await runFresh(asked);
    expect(inC.library).toBe(ran.inC.library);
    expect(inC.lines[0]).toBe('0');
    expect(inNode.lines).toEqual(inC.lines);
  });
});
