// libsystemd/sd answers what libsystemd itself answers when a C program asks it.
import { beforeAll, describe, expect, test } from 'vitest';
import { type Run, run, runFresh } from './run.ts';
import { type Call, calls, freshProcesses } from './table.ts';

/** A call as one reads it: its fields with spaces between them, long ones cut. */
function title({ line }: Call): string {
  const short = (field: string) =>
    field.length <= 60 ? field || "''" : `${field.slice(0, 40)}…(${field.length})`;
  return line.split('\t').map(short).join(' ');
}

/** Whether C's answer was an error (-), no or nothing (0), or yes or a count (+). */
function sign(answer: string): '-' | '0' | '+' {
  if (/^(-|ERR_)/.test(answer)) return '-';
  return /^0(\t|$)/.test(answer) ? '0' : '+';
}

/** The signs that a function must have shown, where it can't show all three. */
const possible: Readonly<Record<string, string>> = {
  sd_booted: '', // one call, and the machine decides
  sd_pidfd_get_inode_id: '-0', // 0 and the number
};

/** The version that added a function, where not every library that the table is for has it. */
const added: Readonly<Record<string, number>> = {
  sd_pid_notify_barrier: 254,
  sd_pidfd_get_inode_id: 258,
};

/** Every version's library has the next number: that of 252 is libsystemd.so.0.35.0. */
const version = (library: string) => 217 + Number(/\.so\.0\.(\d+)/.exec(library)?.[1]);

const names = [...new Set(calls.map(({ name }) => name))];
const callsOf = (name: string) =>
  calls.flatMap((call, index) => (call.name === name ? [{ call, index }] : []));

let ran: Run;
beforeAll(async () => {
  ran = await run();
  const signs = ran.inC.lines.map(sign);
  const count = (wanted: string) => signs.filter((each) => each === wanted).length;
  console.log(
    `${ran.inC.library}: ${count('-')} errors, ${count('0')} times 0, ${count('+')} times more`,
  );
});

test('both programs asked the same libsystemd, and answered every call', () => {
  const { inC, inNode } = ran;
  expect(inNode.library).toBe(inC.library);
  // The folder that scripts/fetch-systemd.mjs made: LD_LIBRARY_PATH passes over what is not there.
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

  test('the answers are errors, 0 and more, where they can be', () => {
    const answers = rows.map(([, , index]) => ran.inC.lines[index] ?? '');
    const absent = answers.every((answer) => answer.startsWith('ERR_SYSTEMD_FUNCTION'));
    expect(absent).toBe(version(ran.inC.library) < (added[name] ?? 0));
    const expected = absent ? '-' : (possible[name] ?? '-0+');
    expect(answers.map(sign)).toEqual(expect.arrayContaining([...expected]));
  });
});

describe('what the service manager receives', () => {
  test.each(['receiver', 'abstractReceiver', 'holder'])('at {%s}', (name) => {
    const { inC, inNode } = ran.received[name]!;
    expect(inC.length).toBeGreaterThan(5);
    expect(inNode).toEqual(inC);
  });
});

describe('which descriptors become close-on-exec', () => {
  const rows = freshProcesses.map((asked) => [asked.map(title).join(', '), asked] as const);

  test.each(rows)('%s', async (_, asked) => {
    const { inC, inNode } = await runFresh(asked);
    expect(inC.library).toBe(ran.inC.library);
    expect(inC.lines[0]).toBe('0');
    expect(inNode.lines).toEqual(inC.lines);
  });
});
