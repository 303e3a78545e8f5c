// libsystemd/sd returns what libsystemd returns to a C program that makes the same calls; and so do the built-in
// functions, except for what newer versions of libsystemd have changed (changes.ts).

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { root } from '../support/tools.ts';
import { changes } from './changes.ts';
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

/** C's answer to a call of a function that the library lacks. */
const ABSENT = 'absent';

/** The functions that the library lacks. */
const absent = () =>
  names.filter((name) =>
    callsOf(name).every(({ index }) => ran.inC.lines[index]?.startsWith(ABSENT)),
  );

/** C's answer; the built-in function's where the library lacks the function. */
const answerOf = (index: number) => {
  const answer = ran.inC.lines[index] ?? '';
  return answer.startsWith(ABSENT) ? (ran.builtin.lines[index] ?? '') : answer;
};

/** The changes that the library is too old for, and that concern a call. */
const changesFor = (call: Call) =>
  changes.filter(({ since, concerns }) => version(ran.inC.library) < since && concerns(call));

test('both programs use the same libsystemd, and each answers every call', () => {
  const { inC, inNode, builtin } = ran;
  expect(inNode.library).toBe(inC.library);
  // LIBSYSTEMD_TEST_SYSTEMD is the folder of scripts/fetch-systemd.mjs. The loader silently ignores a folder of
  // LD_LIBRARY_PATH that does not exist.
  expect(inC.library).toContain(process.env['LIBSYSTEMD_TEST_SYSTEMD'] ?? '/libsystemd.so');
  expect(builtin.library).toBe('no library');
  for (const { lines } of [inC, inNode, builtin]) expect(lines).toHaveLength(calls.length);
  expect(calls.length).toBeGreaterThan(200);
});

test('implementation names the library, and the functions that it lacks; without a library all of them', () => {
  const library = 'libsystemd.so.0';
  const lacking = { sd_pid_notify_barrier: 254, sd_pidfd_get_inode_id: 258 };
  const expected = Object.entries(lacking).flatMap(([name, since]) =>
    version(ran.inC.library) < since ? [name] : [],
  );
  expect(absent().toSorted()).toEqual(expected);
  expect(ran.inNode.implementation).toEqual({ library, builtin: expected });
  const { builtin } = ran.builtin.implementation as { builtin: string[] };
  expect(builtin.toSorted()).toEqual(names.toSorted());
  expect(ran.builtin.implementation).not.toHaveProperty('library');
});

test('the documentation lists every change that the built-in functions have before older versions', () => {
  const text = readFileSync(join(root, 'docs/libsystemd.md'), 'utf8');
  for (const { what, since } of changes) expect(text).toContain(`| ${what} | ${since} |`);
});

describe.each(names)('%s', (name) => {
  const rows = callsOf(name).map(({ call, index }) => [title(call), call, index] as const);

  test.for(rows)('%s', ([, call, index], { skip }) => {
    const missing = [...ran.missing].find(([descriptor]) => call.line.includes(`{${descriptor}}`));
    skip(missing !== undefined, `this machine has no ${missing?.join(': ')}`);
    const answer = answerOf(index);
    expect(ran.inNode.lines[index]).toBe(answer);
    const builtin = ran.builtin.lines[index] ?? '';
    const isChanged = changesFor(call).some(
      ({ older, newer }) => older.test(answer) && newer.test(builtin),
    );
    if (!isChanged) expect(builtin).toBe(answer);
  });

  test('the table has calls with a negative, a zero and a positive result, where the function can return them', () => {
    const answers = rows.map(([, , index]) => answerOf(index));
    const expected = possible[name] ?? '-0+';
    expect(answers.map(sign)).toEqual(expect.arrayContaining([...expected]));
  });
});

describe('all programs send the same datagrams to the manager', () => {
  test.each(['receiver', 'abstractReceiver', 'holder'])('at {%s}', (name) => {
    const { inC, inNode, builtin } = ran.received[name]!;
    expect(inC.length).toBeGreaterThan(5);
    // The built-in sd_pid_notify_barrier() sends more barriers than a library that lacks the function.
    const isComparable = (datagram: unknown) =>
      !absent().includes('sd_pid_notify_barrier') ||
      (datagram as { message: string }).message !== 'BARRIER=1';
    expect(inNode.filter(isComparable)).toEqual(inC.filter(isComparable));
    expect(builtin).toEqual(inNode);
  });
});

describe('all programs make the same descriptors close-on-exec', () => {
  const rows = freshProcesses.map((asked) => [asked.map(title).join(', '), asked] as const);

  test.each(rows)('%s', async (_, asked) => {
    const { inC, inNode, builtin } = await runFresh(asked);
    expect(inC.library).toBe(ran.inC.library);
    expect(inC.lines[0]).toBe('0');
    expect(inNode.lines).toEqual(inC.lines);
    expect(builtin.lines).toEqual(inC.lines);
  });
});
