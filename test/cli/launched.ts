// `libsystemd activate` as its user runs it, and what it prints.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished } from 'vitest';
import { root } from '../support/tools.ts';
import { PROGRAM } from './run.ts';

/** How long anything may take on a busy machine, in milliseconds. */
export const PATIENCE = 20_000;

/** A folder with programs that can `import 'libsystemd'`. */
export function project(parent: string, files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(parent, 'project-'));
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(root, join(folder, 'node_modules/libsystemd'));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return folder;
}

export interface Event {
  readonly event: string;
  readonly [name: string]: unknown;
}

export interface LaunchedOptions {
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** A launcher that runs. It is killed at the end of its block. */
export class Launched implements AsyncDisposable {
  readonly child: ChildProcess;
  stdout = '';
  stderr = '';
  readonly #closed: Promise<unknown>;

  constructor(args: readonly string[], { cwd, env }: LaunchedOptions) {
    this.child = spawn(process.execPath, [PROGRAM, 'activate', ...args], {
      cwd,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text;
    });
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text;
    });
    this.#closed = once(this.child, 'close');
    // A test that takes too long does not reach the end of its block.
    onTestFinished(() => void this.child.kill('SIGKILL'));
  }

  /** The events of `--json` so far. */
  get events(): Event[] {
    const lines = this.stdout.split('\n').slice(0, -1);
    return lines.map((line) => JSON.parse(line) as Event);
  }

  all(event: string): Event[] {
    return this.events.filter((one) => one.event === event);
  }

  /** Waits until there were so many events of a kind, and returns the last. */
  async until(event: string, count = 1): Promise<Event> {
    await this.#wait(() => this.all(event).length >= count, `${count} × ${event}`);
    return this.all(event)[count - 1] as Event;
  }

  /** Waits until a text was printed for people. */
  async says(text: string): Promise<void> {
    await this.#wait(() => this.stderr.includes(text), text);
  }

  async #wait(condition: () => boolean, what: string): Promise<void> {
    for (const begun = Date.now(); !condition(); await sleep(10)) {
      if (Date.now() - begun > PATIENCE || (this.child.exitCode !== null && !condition()))
        expect.unreachable(`no ${what}:\n${this.stdout}${this.stderr}`);
    }
  }

  /** The URL of its first socket. */
  get url(): string {
    const [listening] = this.all('listening');
    return (listening as unknown as { sockets: [{ url: string }] }).sockets[0].url;
  }

  /** Sends a signal, and waits for the end. Returns the exit code. */
  async end(signal?: NodeJS.Signals): Promise<number | null> {
    if (signal !== undefined) this.child.kill(signal);
    await this.#closed;
    return this.child.exitCode;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end('SIGKILL');
  }
}

/** True while the process runs; false for a zombie. */
export function runs(pid: unknown): boolean {
  const file = `/proc/${pid}/stat`;
  try {
    return existsSync(file) && !/\) Z /.test(readFileSync(file, 'utf8'));
  } catch {
    return false;
  }
}
