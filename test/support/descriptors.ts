// One descriptor of every kind, and calls of the package in a program that has them.
import { mkdtempSync, rmSync } from 'node:fs';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { deserialize, serialize } from 'node:v8';
import { type Ending, type LaunchOptions, launch } from './launch.ts';
import { root, tool } from './tools.ts';

/** An IPv4 loopback address derived from the pid, so that fixed ports on it are free. */
export const ownAddress = `127.${1 + ((process.pid >> 16) & 63)}.${(process.pid >> 8) & 255}.${process.pid & 255}`;

/** A link-local IPv6 address of this machine. Only such addresses have a scope. */
export const linkLocal = Object.values(networkInterfaces())
  .flatMap((addresses = []) => addresses)
  .filter((found) => found.family === 'IPv6')
  .find(({ address }) => address.startsWith('fe80:'));

const scopedAddress = `[${linkLocal?.address ?? 'fe80::1'}%${linkLocal?.scopeid ?? 1}]`;

/** The specs of test/tools/launch.c for every kind of descriptor, each with a name. */
function specsIn(folder: string) {
  return {
    tcp: `tcp:${ownAddress}:8080`,
    'tcp backlog': `tcp:${ownAddress}:8081,backlog=5`,
    tcp6: 'tcp:[::1]:0,backlog=7',
    'tcp6 link-local': `tcp:${scopedAddress}:0`,
    'tcp bound': `tcp-bound:${ownAddress}:8082`,
    'tcp connected': 'tcp-connected',
    udp: `udp:${ownAddress}:8080`,
    udp6: 'udp:[::1]:0',
    'udp connected': `udp-connected:${ownAddress}:9`,
    unix: `unix:${folder}/stream`,
    'unix backlog': `unix:${folder}/backlog,backlog=3`,
    'unix 108 bytes': `unix:${folder}/`.padEnd('unix:'.length + 108, 'p'),
    'unix no UTF-8': `unix:${folder}/\\xff\\xfe`,
    'unix abstract': `unix:@${folder}`,
    'unix abstract bytes': `unix:@${folder}\\x00\\xff\\x0a`,
    'unix dgram': `unix-dgram:${folder}/dgram`,
    'unix dgram connected': `unix-dgram-connected:${folder}/dgram`,
    'unix seqpacket': `unix-seqpacket:${folder}/seqpacket,backlog=9`,
    'unix unnamed': 'unix-unnamed',
    socketpair: 'socketpair',
    'socketpair dgram': 'socketpair-dgram',
    netlink: 'netlink:15,groups=3',
    vsock: `vsock:${0x4000_0000 + process.pid}`,
    packet: 'packet',
    raw4: 'raw4',
    raw6: 'raw6',
    file: `file:${folder}/file`,
    dir: `dir:${folder}`,
    dev: 'dev:/dev/null',
    fifo: `fifo:${folder}/fifo`,
    pipe: 'pipe',
    pty: 'pty',
    mq: 'mq:/queue',
    memfd: 'memfd:memory',
    sealed: 'sealed:content',
    epoll: 'epoll',
    eventfd: 'eventfd',
    inotify: 'inotify',
    pidfd: 'pidfd',
    signalfd: 'signalfd',
    timerfd: 'timerfd',
    dup: 'dup:3',
  } as const;
}

export type Kind = keyof ReturnType<typeof specsIn>;

/** The kinds that a machine may lack. An attempt to open one of these leaves nothing behind. */
const OPTIONAL: readonly Kind[] = [
  'tcp6',
  'tcp6 link-local',
  'udp6',
  'vsock',
  'packet',
  'raw4',
  'raw6',
];

/**
 * A command that runs the rest in a new IPC namespace, with which the message queue ends. Message queues are mounted
 * where systemd mounts them, because libsystemd looks for the name of a queue there.
 */
const ISOLATED = [
  ...['unshare', '--ipc', '--mount', 'sh', '-c'],
  'mkdir -p /dev/mqueue && mount -t mqueue none /dev/mqueue && exec "$0" "$@"',
];

/** A call of a function with arguments. The module `native` is the add-on. */
export type Call = readonly [
  module: 'sd' | 'libsystemd' | 'native',
  name: string,
  ...args: readonly unknown[],
];

/** The outcome of a call: its value, or the thrown error with all its properties. */
export type Outcome =
  | { readonly value: unknown }
  | { readonly error: Readonly<Record<string, unknown>> };

/** The function `outcome` of a program, which returns the {@link Outcome} of a call. */
export const OUTCOME = `
  const errorFacts = (error) => ({ name: error.name, message: error.message, ...error });
  const outcome = (call) => {
    try {
      return { value: call() };
    } catch (error) {
      return { error: errorFacts(error) };
    }
  };
`;

const PRELUDE = `
  const ROOT = ${JSON.stringify(root)};
  import * as libsystemd from 'libsystemd';
  import * as sd from 'libsystemd/sd';
  import { readFileSync } from 'node:fs';
  import { createRequire } from 'node:module';
  import { deserialize, serialize } from 'node:v8';
  // Loaded at the first use, because tests check when the package loads the add-on.
  const load = () => createRequire(ROOT + '/')('./build/Release/libsystemd.node');
  Object.defineProperty(globalThis, 'native', { get: load });
  const modules = { sd, libsystemd, get native() { return native; } };
  const result = (value) => console.log(JSON.stringify(serialize(value).toString('base64')));
  ${OUTCOME}
`;

const CALL_ALL = `
  const calls = deserialize(Buffer.from(readFileSync(0, 'latin1'), 'base64'));
  result(calls.map(([module, name, ...args]) => outcome(() => modules[module][name](...args))));
`;

/**
 * Starts programs that have one descriptor of every kind. The fd is 3 plus the index of the kind. A pipe takes the
 * place of a kind that the machine lacks; `lacking` has the reasons.
 */
export class EveryKind implements Disposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'kinds-'));
  readonly specs = specsIn(this.folder);
  readonly kinds = Object.keys(this.specs) as Kind[];
  readonly lacking = new Map<Kind, string>();

  fd(kind: Kind): number {
    return 3 + this.kinds.indexOf(kind);
  }

  /** Runs a module that has all descriptors, and returns the value that it passes to `result()`; see PRELUDE. */
  async run(source: string, options: LaunchOptions = {}): Promise<unknown> {
    await Promise.all(
      OPTIONAL.map((kind) => this.#noteIfLacking(kind, launch([this.specs[kind]], TRUE))),
    );
    await this.#noteIfLacking('mq', launch([], [...ISOLATED, ...TRUE]));
    const specs = this.kinds.map((kind) => (this.lacking.has(kind) ? 'pipe' : this.specs[kind]));
    const isolate = this.lacking.has('mq') ? [] : ISOLATED;
    const command = [...isolate, tool('launch'), ...specs, '--', ...node(source)];
    return parseResult(await launch([], command, { cwd: root, ...options }));
  }

  /** Makes the calls one after the other in one program. Returns their outcomes. */
  async call(calls: readonly Call[], options: LaunchOptions = {}): Promise<Outcome[]> {
    const input = serialize(calls).toString('base64');
    return (await this.run(CALL_ALL, { input, ...options })) as Outcome[];
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  async #noteIfLacking(kind: Kind, attempt: Promise<Ending>): Promise<void> {
    const { code, stderr } = await attempt;
    if (code !== 0) this.lacking.set(kind, `this machine has no ${kind}: ${stderr.trim()}`);
  }
}

const TRUE = ['true'];

function node(source: string): string[] {
  return [process.execPath, '--input-type=module', '-e', PRELUDE + source];
}

function parseResult(ending: Ending): unknown {
  const lastLine = ending.stdout.trimEnd().split('\n').at(-1) ?? '';
  if (ending.code !== 0 || !lastLine.startsWith('"')) {
    throw new Error(`The program failed: ${JSON.stringify(ending)}`);
  }
  return deserialize(Buffer.from(JSON.parse(lastLine) as string, 'base64')) as unknown;
}

/** Does the same as {@link EveryKind.run}, with only these descriptors. */
export async function runWith(
  specs: readonly string[],
  source: string,
  options: LaunchOptions = {},
): Promise<unknown> {
  return parseResult(await launch(specs, node(source), { cwd: root, ...options }));
}

/** Does the same as {@link EveryKind.call}, with only these descriptors. */
export async function callWith(
  specs: readonly string[],
  calls: readonly Call[],
  options: LaunchOptions = {},
): Promise<Outcome[]> {
  const input = serialize(calls).toString('base64');
  return (await runWith(specs, CALL_ALL, { input, ...options })) as Outcome[];
}
