// Runs the C program and the Node program under one launcher, so that they have the very same descriptors. The Node
// program runs twice: with libsystemd, and with the built-in functions.
import { randomBytes, randomInt } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { launch } from '../support/launch.ts';
import { type Datagram, type Receiver, startReceiver } from '../support/receiver.ts';
import { tool } from '../support/tools.ts';
import { withoutLibrary } from '../support/without-library.ts';
import {
  type Call,
  calls,
  descriptors,
  freshDescriptors,
  lastMessage,
  preparation,
} from './table.ts';

const cProgram = tool('conformance');
const nodeProgram = [process.execPath, fileURLToPath(new URL('runner.mjs', import.meta.url))];

// Both programs load the libsystemd that the tests run with.
const { LD_LIBRARY_PATH } = process.env;
const env = LD_LIBRARY_PATH === undefined ? {} : { LD_LIBRARY_PATH };

const without = withoutLibrary();

/** A program's answers, a line for each call, and the facts about the program from its last line. */
export interface Answers {
  readonly lines: readonly string[];
  readonly pid: string;
  readonly library: string;
  /** `sd.implementation`; undefined for the program in C. */
  readonly implementation?: unknown;
}

/** What each program has done: the one in C, the one in Node, and the one in Node with the built-in functions. */
export interface Each<T> {
  readonly inC: T;
  readonly inNode: T;
  readonly builtin: T;
}

export interface Run extends Each<Answers> {
  /** The datagrams that the receivers got from each program, by the name of NOTIFY_SOCKET in the table. */
  readonly received: Readonly<Record<string, Each<readonly unknown[]>>>;
  /** The descriptors that this machine can't open, each with the reason. */
  readonly missing: ReadonlyMap<string, string>;
}

type Values = Readonly<Record<string, string>>;

/** Replaces {dir} and the other placeholders by the values of this run. */
function fill(text: string, values: Values): string {
  return text.replace(/\{([\w+ ]+)\}/g, (token, name: string) => values[name] ?? token);
}

const writeLines = (asked: readonly Call[]) => asked.map(({ line }) => `${line}\n`).join('');

function parse(lines: readonly string[]): Answers {
  const [pid = '', , library = '', implementation] = lines.at(-1)?.split('\t') ?? [];
  const answers = { lines: lines.slice(0, -1), pid, library };
  return implementation === undefined
    ? answers
    : { ...answers, implementation: JSON.parse(implementation) as unknown };
}

/** The lines that a program printed. Throws when the program failed. */
function linesOf({ stdout, stderr, code, signal }: Awaited<ReturnType<typeof launch>>): string[] {
  if (code !== 0 || stderr !== '') {
    throw new Error(`Ended with ${code ?? signal}: ${stderr}, after ${stdout.slice(-500)}`);
  }
  return stdout.split('\n').slice(0, -1);
}

/** Makes all calls of the table in each program. */
export async function run(): Promise<Run> {
  const missing = new Map<string, string>();
  for (;;) {
    const done = await attempt(missing);
    if (done) return done;
  }
}

/** Runs the programs without the `missing` descriptors. Adds a descriptor that can't be opened, and returns undefined. */
async function attempt(missing: Map<string, string>): Promise<Run | undefined> {
  const dir = await mkdtemp(join(tmpdir(), 'libsystemd-conformance-'));
  await using receiver = await startReceiver();
  await using abstractReceiver = await startReceiver({ abstract: true });
  await using holder = await startReceiver();
  await holder.hold();
  const receivers = { receiver, abstractReceiver, holder };
  const values = choose(dir, receivers);
  const specs = Object.entries(descriptors).map(([name, spec]) =>
    missing.has(name) ? 'eventfd' : fill(spec, values),
  );
  const script = `${fill(preparation, values)}
"$1" <calls
shift
"$@" <calls
LD_LIBRARY_PATH=${without.LD_LIBRARY_PATH} "$@" <calls`;
  try {
    await writeFile(join(dir, 'calls'), fill(writeLines(calls), values));
    const shell = ['sh', '-euc', script, 'sh', cProgram, ...nodeProgram];
    const ending = await launch(specs, shell, { cwd: dir, env });
    const [, spec, reason] = /^launch: (.*): (.*)\n$/.exec(ending.stderr) ?? [];
    const refused = Object.keys(descriptors)[specs.indexOf(spec ?? '')];
    if (refused !== undefined && reason !== undefined) {
      missing.set(refused, reason);
      return undefined;
    }
    const lines = linesOf(ending);
    const length = calls.length + 1;
    const inC = parse(lines.slice(0, length));
    const inNode = parse(lines.slice(length, 2 * length));
    const builtin = parse(lines.slice(2 * length));
    const each = { inC, inNode, builtin };
    return { ...each, received: await collect(receivers, each), missing };
  } finally {
    // Only mq_unlink(3) removes the queue.
    if (!missing.has('mq')) await launch([], [cProgram, 'mq_unlink', fill('/name-{id}', values)]);
    await rm(dir, { recursive: true });
  }
}

/** Makes some calls in three new processes. */
export async function runFresh(asked: readonly Call[]): Promise<Each<Answers>> {
  const input = writeLines(asked);
  const [inC, inNode, builtin] = await Promise.all([
    launch(freshDescriptors.inC, [cProgram], { env, input }),
    launch(freshDescriptors.inNode, nodeProgram, { env, input }),
    launch(freshDescriptors.inNode, nodeProgram, { env: without, input }),
  ]);
  return {
    inC: parse(linesOf(inC)),
    inNode: parse(linesOf(inNode)),
    builtin: parse(linesOf(builtin)),
  };
}

function choose(dir: string, receivers: Readonly<Record<string, Receiver>>): Values {
  const port = randomInt(20_000, 30_000); // below the ports that the kernel assigns to clients
  const portBytes = [port >> 8, port & 0xff].map(
    (byte) => `\\x${byte.toString(16).padStart(2, '0')}`,
  );
  return {
    dir,
    id: randomBytes(4).toString('hex'),
    launch: tool('launch'),
    port: `${port}`,
    'port+1': `${port + 1}`,
    'port+2': `${port + 2}`,
    'port+3': `${port + 3}`,
    'port bytes': portBytes.join(''),
    ...mapValues(receivers, ({ address }) => address),
    ...Object.fromEntries(Object.keys(descriptors).map((name, index) => [name, `${3 + index}`])),
  };
}

function mapValues<T, U>(object: Readonly<Record<string, T>>, change: (value: T) => U) {
  return Object.fromEntries(Object.entries(object).map(([key, value]) => [key, change(value)]));
}

async function collect(
  receivers: Readonly<Record<string, Receiver>>,
  { inC, inNode, builtin }: Each<Answers>,
): Promise<Run['received']> {
  for (const receiver of Object.values(receivers)) {
    await receiver.until(lastMessage);
    await receiver.until(lastMessage);
    await receiver.until(lastMessage);
  }
  return mapValues(receivers, ({ messages }) => {
    const ends = messages.flatMap(({ message }, i) => (message === lastMessage ? [i + 1] : []));
    const [first = 0, second = 0] = ends;
    return {
      inC: messages.slice(0, first).map((datagram) => essence(datagram, inC)),
      inNode: messages.slice(first, second).map((datagram) => essence(datagram, inNode)),
      builtin: messages.slice(second).map((datagram) => essence(datagram, builtin)),
    };
  });
}

/** The part of a datagram that must be the same. Each barrier has a new pipe, so only its kind counts. */
function essence({ message, fds, pid, uid, gid, truncated }: Datagram, sender: Answers) {
  const links = fds.map(({ link, mode }) => (message === 'BARRIER=1' ? mode : link));
  const from = `${pid}` === sender.pid ? 'its own' : pid;
  return { message, links, pid: from, uid, gid, truncated };
}
