// Programs that use lib/manager in a process of their own, in any runtime.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { rolldown } from 'rolldown';
import { root } from '../support/tools.ts';

/** A program that takes longer hangs. */
const TIMEOUT_MS = 60_000;

export interface Ended {
  readonly stdout: string;
  readonly stderr: string;
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface RunOptions {
  /** The command that runs a program of JavaScript. Default: this Node. */
  readonly runtime?: readonly string[];
  /** A command under which it runs, such as `unshare --net`. */
  readonly under?: readonly string[];
  /** True: LeakSanitizer would abort, because strace(1) follows the program, or the program is in a new PID namespace. */
  readonly withoutLeaks?: boolean;
}

/** A bundle of manager.ts, for the programs of one test file. */
export class Bundle implements AsyncDisposable {
  /** One level below the root, where the loader of the add-on finds the package. */
  readonly path = join(root, '.scratch', `manager-${process.pid}.mjs`);

  static async make(): Promise<Bundle> {
    const bundle = new Bundle();
    mkdirSync(join(root, '.scratch'), { recursive: true });
    const input = join(root, 'test/native-sockets/manager.ts');
    const build = await rolldown({ input, platform: 'node', logLevel: 'warn' });
    await build.write({ file: bundle.path, format: 'esm' });
    await build.close();
    return bundle;
  }

  /** The code of a program, which has the exports of manager.ts as `manager`, and prints by `say(value)`. */
  program(code: string): string {
    return `
      import * as manager from ${JSON.stringify(this.path)};
      import { readdirSync, readFileSync, readlinkSync, writeSync } from 'node:fs';
      import { setTimeout as sleep } from 'node:timers/promises';
      const say = (value) => writeSync(1, JSON.stringify(value) + '\\n');
      const link = (fd) => {
        try {
          return readlinkSync('/proc/self/fd/' + fd);
        } catch {
          return undefined; // the descriptor by which the folder was read
        }
      };
      const openFds = () => readdirSync('/proc/self/fd').filter(link).length;
      const nameOf = (task) => readFileSync('/proc/self/task/' + task + '/comm', 'utf8').trim();
      const watcherThreads = () =>
        readdirSync('/proc/self/task').filter((task) => nameOf(task) === 'libsystemd').length;
      ${code}`;
  }

  /** Runs a program to its end. */
  async run(code: string, options: RunOptions = {}): Promise<Ended> {
    const { runtime = NODE, under = [], withoutLeaks = under[0] === 'strace' } = options;
    const [command = '', ...args] = [...under, ...runtime, this.program(code)];
    const child = spawn(command, args, {
      timeout: TIMEOUT_MS,
      killSignal: 'SIGKILL',
      env: { ...process.env, ...(withoutLeaks && WITHOUT_LEAKS) },
    });
    child.stdin.end();
    const [stdout, stderr, [status, signal]] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      once(child, 'close') as Promise<[Ended['code'], Ended['signal']]>,
    ]);
    return { stdout, stderr, code: status, signal };
  }

  /** Runs a program that must succeed and print nothing on stderr. Returns what it has said. */
  async said(code: string, options?: RunOptions): Promise<unknown[]> {
    const { stdout, ...end } = await this.run(code, options);
    if (end.code !== 0 || end.stderr !== '') throw new Error(JSON.stringify({ stdout, ...end }));
    return stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    rmSync(this.path, { force: true });
  }
}

const NODE = [process.execPath, '--input-type=module', '--eval'];

const { ASAN_OPTIONS } = process.env;
const WITHOUT_LEAKS = ASAN_OPTIONS && { ASAN_OPTIONS: `${ASAN_OPTIONS}:detect_leaks=0` };
