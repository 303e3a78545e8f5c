// Property tests of the environment: listenFds() and watchdog.timeout() read it exactly as libsystemd does, called by C;
// and so they do without libsystemd.
import { join } from 'node:path';
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { type LaunchOptions, launch } from '../support/launch.ts';
import { nastyText } from '../support/texts.ts';
import { root, tool } from '../support/tools.ts';
import { withoutLibrary } from '../support/without-library.ts';
import { seed } from './seed.ts';

const CASES = 3000;

/** Environment variables. The program replaces {pid} and the like in their values by its own numbers. */
type Variables = Readonly<Record<string, string>>;

interface Outcome<T> {
  readonly value?: T;
  readonly code?: string;
  readonly errno?: number;
}

/** The outcomes of listenFds() (sd_listen_fds_with_names() in C) and watchdog.timeout() (sd_watchdog_enabled()). */
interface Answer {
  readonly passed: Outcome<readonly { readonly fd: number; readonly name: string }[]>;
  readonly timeout: Outcome<number | null>;
}

// --- Environments ---

const text = fc
  .oneof(nastyText, fc.string({ unit: 'binary' }))
  .map((some) => some.replaceAll('\0', '').toWellFormed());

const digits = fc.oneof(
  fc.nat(20).map(String),
  fc.nat(2 ** 31 - 1).map(String),
  fc.bigInt(0n, 2n ** 65n).map(String),
);

/** A number that strtoull(3) and systemd accept, or nearly so. */
const number = fc
  .tuple(
    fc.constantFrom('', '', '', '', ' ', '\t', '+', '-', '0', '0x', '0b', '0o'),
    digits,
    fc.constantFrom('', '', '', '', '', ' ', 's', '.0', '\n'),
  )
  .map((parts) => parts.join(''));

const any = fc.oneof({ weight: 5, arbitrary: number }, { weight: 1, arbitrary: text });

/** The program's pid in several spellings, without its digits, which differ between the two programs. */
const pid = fc.oneof(
  fc.constant('{pid}'),
  fc.constantFrom(...[' {pid}', '+{pid}', '-{pid}', '{pid} ', '{pid}s', '\t{pid}', '{ppid}']),
  fc.constantFrom(...['0x{hexpid}', '0X{hexpid}', '0{octpid}', '00{octpid}', '0o{octpid}']),
  any,
);

const name = fc.oneof(fc.constantFrom('', 'a', 'http', 'unknown', 'é', 'a.socket'), text);

/** Variables as a manager sets them, with any fd names. */
const activated = fc.array(name, { minLength: 1, maxLength: 6 }).map((some) => ({
  LISTEN_PID: '{pid}',
  LISTEN_FDS: String(some.length),
  LISTEN_FDNAMES: some.join(':'),
}));

const arbitrary = fc.record(
  {
    LISTEN_PID: pid,
    LISTEN_FDS: any,
    LISTEN_FDNAMES: fc.array(name, { maxLength: 4 }).map((some) => some.join(':')),
    WATCHDOG_USEC: any,
    WATCHDOG_PID: pid,
  },
  { requiredKeys: [] },
);

const environment: fc.Arbitrary<Variables> = fc
  .tuple(arbitrary, fc.oneof(fc.constant({}), activated))
  .map(([some, others]) => ({ ...some, ...others }));

const environments = fc.sample(environment, { numRuns: CASES, seed });

// --- The two programs ---

/** As many descriptors as most values of LISTEN_FDS need. For larger values the programs find different descriptors. */
const descriptors = Array.from({ length: 24 }, () => 'eventfd');

// Both programs load the libsystemd of the test run.
const { LD_LIBRARY_PATH } = process.env;
const withLibrary = LD_LIBRARY_PATH === undefined ? {} : { LD_LIBRARY_PATH };
const without = withoutLibrary();

async function runProgram(
  command: readonly string[],
  input: string,
  env: Variables,
): Promise<string[]> {
  const options: LaunchOptions = { cwd: root, pid: 'none', fds: 'none', env, input };
  const { stdout, stderr, code } = await launch(descriptors, command, options);
  if (code !== 0) throw new Error(`${command[0]} ended with ${code}: ${stderr}`);
  return stdout.split('\n').slice(0, -1);
}

/** Escapes a value for test/tools/conformance.c. */
function encode(value: string): string {
  const parts = value.split(/(\{\w+\})/);
  const bytes = (part: string) => Buffer.from(part).toString('hex').replace(/../g, '\\x$&');
  return parts
    .map((part, i) => (i % 2 ? `$${part.slice(1, -1).toUpperCase()}` : bytes(part)))
    .join('');
}

function commandsFor(variables: Variables): string {
  const set = Object.entries(variables)
    .map(([key, value]) => `${key}=${encode(value)}\t`)
    .join('');
  return `${set}sd_listen_fds_with_names\tfalse\n${set}sd_watchdog_enabled\tfalse\n`;
}

/** Parses a line of test/tools/conformance.c: the result (if negative, with the name of its errno) and out parameters. */
function parseAnswer<T>(
  line: string,
  value: (result: number, out: readonly string[]) => T,
): Outcome<T> {
  const [first = '', ...out] = line.split('\t');
  const [result, code] = first.split(' ');
  if (code !== undefined) return { code, errno: Number(result) };
  return { value: value(Number(result), out) };
}

const unescapeName = (name: string) =>
  name.replace(/\\x(..)/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));

let answersOfC: Promise<Answer[]> | undefined;

async function runC(): Promise<Answer[]> {
  const answers = await runProgram(
    [tool('conformance')],
    environments.map(commandsFor).join(''),
    withLibrary,
  );
  return environments.map((_, i) => ({
    passed: parseAnswer(answers[2 * i] ?? '', (count, out) =>
      out.slice(0, count).map((name, at) => ({ fd: 3 + at, name: unescapeName(name) })),
    ),
    timeout: parseAnswer(answers[2 * i + 1] ?? '', (on, [usec = '']) =>
      on > 0 ? Number(BigInt(usec)) / 1000 : null,
    ),
  }));
}

/** How many environments one program is asked about: each import of the package stays in its memory. */
const CASES_OF_A_PROGRAM = 300;

async function runNode(env: Variables, count: number): Promise<Answer[]> {
  const program = join(root, 'test/hardening/programs/environment.mjs');
  const command = [process.execPath, '--no-warnings', program];
  const answers: Answer[] = [];
  for (let from = 0; from < count; from += CASES_OF_A_PROGRAM) {
    const asked = environments.slice(from, from + CASES_OF_A_PROGRAM);
    const [answer = ''] = await runProgram(command, JSON.stringify(asked), env);
    answers.push(...(JSON.parse(answer) as Answer[]));
  }
  return answers;
}

/** True if LISTEN_PID is unset, empty, or a valid pid of another process. Then libsystemd does not read the rest. */
function isForOtherProcess({ LISTEN_PID }: Variables): boolean {
  if (!LISTEN_PID || LISTEN_PID === '{ppid}') return true;
  return /^[1-9]\d{0,9}$/.test(LISTEN_PID) && Number(LISTEN_PID) < 2 ** 31;
}

describe.each([
  ['with libsystemd', CASES, withLibrary],
  ['without libsystemd', CASES / 5, without],
] as const)(`environments %s (%i), with LIBSYSTEMD_SEED=${seed}`, (_what, count, env) => {
  let inC: Answer[];
  let inNode: Answer[];
  beforeAll(async () => {
    answersOfC ??= runC();
    [inC, inNode] = await Promise.all([answersOfC, runNode(env, count)]);
  });

  test('listenFds() finds the same descriptors as libsystemd, or throws its error', () => {
    const compared = environments.slice(0, count).filter((variables, i) => {
      const { passed } = inC[i]!;
      if (passed.code === 'EBADF') return false;
      const expected = isForOtherProcess(variables) ? { value: [] } : passed;
      expect(inNode[i]?.passed, JSON.stringify(variables)).toEqual(expected);
      return (passed.value?.length ?? 0) > 0;
    });
    expect(compared.length).toBeGreaterThan(count / 10);
  });

  test('watchdog.timeout() returns the same as libsystemd, or throws its error; but an empty value is off', () => {
    for (const [i, variables] of environments.slice(0, count).entries()) {
      const expected = variables.WATCHDOG_USEC === '' ? { value: null } : inC[i]?.timeout;
      expect(inNode[i]?.timeout, JSON.stringify(variables)).toEqual(expected);
    }
    expect(inC.filter(({ timeout }) => timeout.value).length).toBeGreaterThan(CASES / 50);
  });
});
