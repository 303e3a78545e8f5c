// Programs that see a /run of their own, so that a test can be the journald of a program.
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { onTestFinished } from 'vitest';
import { root } from '../support/tools.ts';

const execute = promisify(execFile);

/** A queue of datagrams is as long as where systemd has booted. */
const MOUNT =
  'mount -t tmpfs tmpfs /run && mkdir -p /run/systemd/journal && echo 512 > /proc/sys/net/unix/max_dgram_qlen && exec "$0" "$@"';

/** Milliseconds after which a program is killed, with all that it has started. */
const TIMEOUT = 110_000;

/** An ordinary user may mount in a user namespace of its own. */
const asRoot = process.getuid?.() === 0 ? [] : ['--user', '--map-root-user'];

const PRELUDE = `
  import { createJournal, fieldName, journal, levelPrefix } from 'libsystemd/journal';
  import { setTimeout as sleep } from 'node:timers/promises';
  import { Receiver } from './test/journal/receiver.mjs';
  const warnings = [];
  process.on('warning', ({ code, message }) => warnings.push({ code, message }));
  const say = (value) => console.log(JSON.stringify(value));
  const until = async (condition) => { while (!(await condition())) await sleep(5); };
`;

export interface PrivateRun {
  /** What the program has said, value by value. */
  readonly said: unknown[];
  readonly stderr: string;
  readonly code: number;
}

/** Options of {@link inPrivateRun}. */
export interface PrivateRunOptions {
  /** A command that runs node's command. */
  readonly through?: readonly string[];
  /** The command of another runtime, which runs a file. Default: this Node. */
  readonly runtime?: readonly string[];
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** Writes a program into a folder of the repository, because only there it can import the package by its name. */
function fileOf(source: string): string {
  const folder = join(root, 'build/journal-programs');
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${randomUUID()}.mjs`);
  writeFileSync(file, (PRELUDE + source).replaceAll("'./test/", `'${root}/test/`));
  onTestFinished(() => rmSync(file));
  return file;
}

/**
 * Runs a module in which /run has nothing but an empty folder systemd/journal. The module can use the exports of libsystemd/journal,
 * `Receiver` (receiver.mjs), `warnings`, `say()`, `sleep()` and `until()`.
 */
export async function inPrivateRun(
  source: string,
  { through = [], args = [], env = {}, runtime }: PrivateRunOptions = {},
): Promise<PrivateRun> {
  const byNode = [process.execPath, ...args, '--input-type=module', '-e', PRELUDE + source];
  const program = runtime === undefined ? byNode : [...runtime, fileOf(source)];
  const command = ['sh', '-c', MOUNT, ...through, ...program];
  const options = {
    cwd: root,
    env: { ...process.env, ...env },
    maxBuffer: 1 << 28,
    timeout: TIMEOUT,
  };
  const run = execute(
    'unshare',
    [...asRoot, '--mount', '--net', '--propagation=private', ...command],
    options,
  );
  const { stdout, stderr, code } = await run.then(
    (ended) => ({ ...ended, code: 0 }),
    (error) => error as { stdout: string; stderr: string; code: number },
  );
  const lines = stdout.split('\n').filter((line) => line !== '');
  return { said: lines.map((line) => JSON.parse(line)), stderr, code };
}
