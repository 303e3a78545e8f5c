// Runs the two programs under one launcher, so that they are asked about the very same descriptors.
import { randomBytes, randomInt } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { launch } from '../support/launch.ts';
import { type Datagram, type Receiver, startReceiver } from '../support/receiver.ts';
import { tool } from '../support/tools.ts';
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

// Both load the library that the tests are run with.
const { LD_LIBRARY_PATH } = process.env;
const env = LD_LIBRARY_PATH === undefined ? {} : { LD_LIBRARY_PATH };

/** What a program answered, one line a call, and what its last line says of itself. */
export interface Answers {
  readonly lines: readonly string[];
  readonly pid: string;
  readonly library: string;
}

export interface Both<T> {
  readonly inC: T;
  readonly inNode: T;
}

export interface Run extends Both<Answers> {
  /** What the receivers got from each, by the value of NOTIFY_SOCKET in the table. */
  readonly received: Readonly<Record<string, Both<readonly unknown[]>>>;
  /** The descriptors that this machine can't have, and why. */
  readonly missing: ReadonlyMap<string, string>;
}

type Values = Readonly<Record<string, string>>;

/** Puts what a run chose in the place of {dir} and the like. */
function fill(text: string, values: Values): string {
  return text.replace(/\{([\w+ ]+)\}/g, (token, name: string) => values[name] ?? token);
}

const writeLines = (asked: readonly Call[]) => asked.map(({ line }) => `${line}\n`).join('');

function parse(lines: readonly string[]): Answers {
  const [pid = '', , library = ''] = lines.at(-1)?.split('\t') ?? [];
  return { lines: lines.slice(0, -1), pid, library };
}

/** The lines that a program printed, when it ended well. */
function linesOf({ stdout, stderr, code, signal }: Awaited<ReturnType<typeof launch>>): string[] {
  if (code !== 0 || stderr !== '') {
    throw new Error(`Ended with ${code ?? signal}: ${stderr}, after ${stdout.slice(-500)}`);
  }
  return stdout.split('\n').slice(0, -1);
}

/** Asks both programs the table. */
export async function run(): Promise<Run> {
  const missing = new Map<string, string>();
  for (;;) {
    const done = await attempt(missing);
    if (done) return done;
  }
}

/** Adds to `missing` a descriptor that could not be had, or asks both programs without those. */
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
  const script = `${fill(preparation, values)}\n"$1" <calls\nshift\n"$@" <calls`;
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
    const inC = parse(lines.slice(0, calls.length + 1));
    const inNode = parse(lines.slice(calls.length + 1));
    return { inC, inNode, received: await collect(receivers, inC, inNode), missing };
  } finally {
    // The queue would outlive the test: nothing but mq_unlink(3) ends it.
    if (!missing.has('mq')) await launch([], [cProgram, 'mq_unlink', fill('/name-{id}', values)]);
    await rm(dir, { recursive: true });
  }
}

/** Asks two new processes. */
export async function runFresh(asked: readonly Call[]): Promise<Both<Answers>> {
  const options = { env, input: writeLines(asked) };
  const [inC, inNode] = await Promise.all([
    launch(freshDescriptors.inC, [cProgram], options),
    launch(freshDescriptors.inNode, nodeProgram, options),
  ]);
  return { inC: parse(linesOf(inC)), inNode: parse(linesOf(inNode)) };
}

function choose(dir: string, receivers: Readonly<Record<string, Receiver>>): Values {
  const port = randomInt(20_000, 30_000); // below those that the kernel hands out
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
  inC: Answers,
  inNode: Answers,
): Promise<Run['received']> {
  for (const receiver of Object.values(receivers)) {
    await receiver.until(lastMessage);
    await receiver.until(lastMessage);
  }
  return mapValues(receivers, ({ messages }) => {
    const end = messages.findIndex(({ message }) => message === lastMessage) + 1;
    return {
      inC: messages.slice(0, end).map((datagram) => essence(datagram, inC)),
      inNode: messages.slice(end).map((datagram) => essence(datagram, inNode)),
    };
  });
}

/** What of a datagram must not differ. The pipe of a barrier is a new one each time. */
function essence({ message, fds, pid, uid, gid, truncated }: Datagram, sender: Answers) {
  const links = fds.map(({ link, mode }) => (message === 'BARRIER=1' ? mode : link));
  const from = `${pid}` === sender.pid ? 'its own' : pid;
  return { message, links, pid: from, uid, gid, truncated };
}
