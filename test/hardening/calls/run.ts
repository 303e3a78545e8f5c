// Starts random-calls.mjs with descriptors, paths and a receiver of notifications.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Launched, spawnLaunched } from '../../support/launch.ts';
import { root, tool } from '../../support/tools.ts';

/** The milliseconds without a new batch after which the program counts as hanging. */
const SILENCE_MS = 120_000;

const programs = join(root, 'test/hardening/calls');

export interface CallOptions {
  /** The seed of all random values, together with the number of the batch. */
  readonly seed: number;
  readonly batches: readonly number[];
  /** The number of calls in a batch. */
  readonly size: number;
  /** True: each call is printed to stderr before it is made. */
  readonly trace?: boolean;
  /** Variables of the program, default {}. */
  readonly env?: Readonly<Record<string, string>>;
  /** A command under which the program runs, such as valgrind. */
  readonly under?: readonly string[];
}

class Folder implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), 'libsystemd-calls-'));

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true });
  }
}

/** Descriptors that the calls may use, change and close. */
const specsIn = (folder: string) => [
  ...['tcp:127.0.0.1:0,backlog=5', 'udp:127.0.0.1:0', 'tcp-connected', `unix:${folder}/socket`],
  ...[`unix:@${folder}\\x00\\xff`, `unix-dgram:${folder}/dgram`, 'socketpair', 'netlink:15'],
  ...['pipe', `fifo:${folder}/fifo`, `file:${folder}/file`, `dir:${folder}`, 'dev:/dev/null'],
  ...['memfd:memory', 'eventfd', 'epoll', 'pidfd'],
];

const pathsIn = (folder: string) =>
  [folder, '/dev/null'].concat(['socket', 'fifo', 'file', 'no'].map((name) => `${folder}/${name}`));

/** Starts a receiver of notifications whose output is ignored. */
async function startReceiver(address: string): Promise<AsyncDisposable> {
  const receiver = spawn(tool('receiver'), [address], { stdio: ['pipe', 'ignore', 'inherit'] });
  while (!existsSync(address)) await sleep(5);
  return {
    async [Symbol.asyncDispose]() {
      receiver.stdin.end();
      await once(receiver, 'exit');
    },
  };
}

/**
 * Runs random-calls.mjs. Returns its stdout when all calls had documented outcomes. Otherwise rejects with the seed and the
 * batch that repeat the failure.
 */
export async function makeCalls({
  under = [],
  env = {},
  ...options
}: CallOptions): Promise<string> {
  using folder = new Folder();
  const specs = specsIn(folder.path);
  const receiver = `${folder.path}/notify`;
  await using _ = await startReceiver(receiver);
  const given = { fds: specs.map((_spec, i) => 3 + i), paths: pathsIn(folder.path) };
  const signatures = JSON.parse(
    execFileSync(process.execPath, [`${programs}/signatures.mjs`], { encoding: 'utf8' }),
  ) as unknown;
  const argument = JSON.stringify({ ...options, given, receiver, signatures });
  const node = [process.execPath, '--no-warnings', `${programs}/random-calls.mjs`, argument];
  const launch = { cwd: root, pid: 'none', fds: 'none', env };
  return await waitForEnd(spawnLaunched(specs, [...under, ...node], launch), options.seed);
}

/** Waits for the end of the program, which prints the number of each batch when the batch begins. */
async function waitForEnd(program: Launched, seed: number): Promise<string> {
  let [stdout, stderr] = ['', ''];
  const silence = setTimeout(() => program.kill('SIGKILL'), SILENCE_MS);
  program.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    stdout += chunk;
    silence.refresh();
  });
  program.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    stderr = (stderr + chunk).slice(-20_000);
  });
  const [code, signal] = await once(program, 'close');
  clearTimeout(silence);
  if (code === 0) return stdout;
  const batch = stdout.trimEnd().split('\n').at(-1);
  throw new Error(
    `LIBSYSTEMD_SEED=${seed} LIBSYSTEMD_BATCH=${batch} ended with ${code ?? signal}:\n${stderr}`,
  );
}
