// What the tests of this folder share: a manager for this process, and children to talk with.
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import type { Readable, Writable } from 'node:stream';
import { notify } from 'libsystemd';
import { afterEach, beforeAll, vi } from 'vitest';
import { type Ending, launchNode } from '../support/launch.ts';
import { type Receiver, type ReceiverOptions, startReceiver } from '../support/receiver.ts';
import { sanitizers } from '../support/sanitizers.ts';
import { root } from '../support/tools.ts';

/** Both kinds of address that NOTIFY_SOCKET may be. */
export const addresses = [
  { kind: 'path', abstract: false },
  { kind: 'abstract name', abstract: true },
] as const;

/**
 * So many datagrams wait in the kernel: it takes them until there are more than its limit. A
 * socket keeps the limit that it was made with, so this is to be asked once there is a receiver.
 */
export function queueLength(): number {
  return 1 + Number(readFileSync('/proc/sys/net/unix/max_dgram_qlen', 'utf8'));
}

/** So many messages wait in the process. */
export const mostWaiting = 16_384;

/** Starts a receiver that is this process's service manager until the test has ended. */
export async function startManager(options?: ReceiverOptions): Promise<Receiver> {
  const manager = await startReceiver(options);
  process.env.NOTIFY_SOCKET = manager.address;
  return manager;
}

/** A manager that doesn't read, and has as many messages as it can have: the next has to wait. */
export async function startStuckManager(options?: ReceiverOptions): Promise<Receiver> {
  const manager = await startManager(options);
  await manager.stop();
  const room = queueLength();
  for (let i = 0; i < room; i++) notify.send(`FILL=${i}`);
  return manager;
}

/**
 * For the files whose tests meet a manager that doesn't read. A send that blocked would stop this
 * process for good, and the whole run with it; so a child that can be ended sends first.
 */
export function proveThatNothingBlocks(): void {
  beforeAll(async () => {
    await using manager = await startReceiver();
    await manager.stop();
    const source = `
      import { notify } from 'libsystemd';
      for (let i = 0; i < ${queueLength() + 1}; i++) notify.send('X_N=' + i);
      console.log(true);
      process.exit();`;
    await launchNode([], source, { env: { NOTIFY_SOCKET: manager.address } });
  });
}

/** Those messages that did not fill the queue. */
export function withoutFill(messages: readonly string[]): string[] {
  return messages.filter((message) => !/^FILL=\d+$/.test(message));
}

/** For the files whose tests have a manager in this process. */
export function forgetManagerAfterEach(): void {
  afterEach(() => {
    delete process.env.NOTIFY_SOCKET;
  });
}

/** Sends a message as the last one, and resolves with all that came up to it, without it. */
export async function allUntilNow(manager: Receiver): Promise<string[]> {
  notify.send('X_LAST=1');
  await manager.until('X_LAST=1');
  return manager.messages.map(({ message }) => message).filter((text) => text !== 'X_LAST=1');
}

/** Resolves once `check` no longer throws; rejects with what it throws when that takes 5 s. */
export async function eventually(check: () => void | Promise<void>): Promise<void> {
  await vi.waitFor(check, { interval: 2, timeout: 5000 });
}

/** What this process has open, by what /proc shows of it, but for the listing itself. */
export function openFiles(): string[] {
  const files: string[] = [];
  for (const fd of readdirSync('/proc/self/fd')) {
    try {
      files.push(readlinkSync(`/proc/self/fd/${fd}`));
    } catch {
      // The descriptor that readdirSync() read from is closed by now.
    }
  }
  return files.sort();
}

/** How many descriptors of this process show this in /proc. */
export function openTimes(link: string): number {
  return openFiles().filter((file) => file === link).length;
}

/** An ES module in a Node of its own, at the root of the repository, to talk with while it runs. */
export class Child implements AsyncDisposable {
  readonly #process: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #ended: Promise<unknown>;
  #stdout = '';
  #stderr = '';

  constructor(source: string, env: Readonly<Record<string, string>>, flags: string[] = []) {
    const args = [...flags, '--input-type=module', '-e', source];
    this.#process = spawn(process.execPath, args, {
      cwd: root,
      env: { PATH: process.env['PATH'], ...sanitizers, ...env },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    this.#process.stdin.on('error', () => undefined); // EPIPE: it may have ended
    this.#process.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.#stdout += text;
    });
    this.#process.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text;
    });
    this.#ended = once(this.#process, 'close');
  }

  /** Resolves when it has written this line; rejects when it ends without. */
  async said(line: string): Promise<void> {
    while (!`\n${this.#stdout}`.includes(`\n${line}\n`)) {
      const data = once(this.#process.stdout, 'data');
      const ended = await Promise.race([data.then(() => false), this.#ended.then(() => true)]);
      if (ended) throw new Error(`It ended without ${line}: ${this.#stdout}${this.#stderr}`);
    }
  }

  /** What a `readSync(0, …)` in it waits for. */
  tell(line: string): void {
    this.#process.stdin.write(`${line}\n`);
  }

  /** Its end, which it finds by itself. */
  async ending(): Promise<Ending> {
    await this.#ended;
    const { exitCode: code, signalCode: signal } = this.#process;
    return { stdout: this.#stdout, stderr: this.#stderr, code, signal };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill('SIGKILL');
    await this.#ended;
  }
}
