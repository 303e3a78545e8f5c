// A service manager for the tests' own process, and child processes that a test talks to.
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
 * How many datagrams the kernel keeps for a receiver that does not read: one more than its limit. A
 * socket keeps the limit that it was created with, so call this once there is a receiver.
 */
export function queueLength(): number {
  return 1 + Number(readFileSync('/proc/sys/net/unix/max_dgram_qlen', 'utf8'));
}

/** How many messages may wait in the process. */
export const mostWaiting = 16_384;

/** Starts a receiver that is this process's service manager until the test has ended. */
export async function startManager(options?: ReceiverOptions): Promise<Receiver> {
  const manager = await startReceiver(options);
  process.env.NOTIFY_SOCKET = manager.address;
  return manager;
}

/** Starts a manager that does not read. Its socket is full, so the next message has to wait. */
export async function startStuckManager(options?: ReceiverOptions): Promise<Receiver> {
  const manager = await startManager(options);
  await manager.stop();
  const room = queueLength();
  for (let i = 0; i < room; i++) notify.send(`FILL=${i}`);
  return manager;
}

/**
 * Proves first, in a child process, that a send to a manager that does not read does not block. A
 * blocked send in this process would hang the whole test run, but a child can be killed. For every test
 * file that has such a manager.
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

/** Leaves out the messages that filled the socket of a stuck manager. */
export function withoutFill(messages: readonly string[]): string[] {
  return messages.filter((message) => !/^FILL=\d+$/.test(message));
}

/** Unsets NOTIFY_SOCKET after each test, for every test file that has a manager for this process. */
export function forgetManagerAfterEach(): void {
  afterEach(() => {
    delete process.env.NOTIFY_SOCKET;
  });
}

/** Sends one more message, and resolves with every message that arrived before it. */
export async function allUntilNow(manager: Receiver): Promise<string[]> {
  notify.send('X_LAST=1');
  await manager.until('X_LAST=1');
  return manager.messages.map(({ message }) => message).filter((text) => text !== 'X_LAST=1');
}

/** Resolves once `check` does not throw any more. Rejects with its error after 5 seconds. */
export async function eventually(check: () => void | Promise<void>): Promise<void> {
  await vi.waitFor(check, { interval: 2, timeout: 5000 });
}

/** The files that this process has open, as the links of /proc/self/fd, without the listing itself. */
export function openFiles(): string[] {
  const files: string[] = [];
  for (const fd of readdirSync('/proc/self/fd')) {
    try {
      files.push(readlinkSync(`/proc/self/fd/${fd}`));
    } catch {
      // This was the descriptor of the listing, which is closed again.
    }
  }
  return files.sort();
}

/** How many descriptors of this process have this link in /proc. */
export function countOpen(link: string): number {
  return openFiles().filter((file) => file === link).length;
}

/** An ES module that runs in another Node process, in the root folder of the repository. */
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
    this.#process.stdin.on('error', () => undefined); // EPIPE, when the process has ended
    this.#process.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.#stdout += text;
    });
    this.#process.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text;
    });
    this.#ended = once(this.#process, 'close');
  }

  /** Resolves once the child has written this line. Rejects when the child ends without it. */
  async said(line: string): Promise<void> {
    while (!`\n${this.#stdout}`.includes(`\n${line}\n`)) {
      const data = once(this.#process.stdout, 'data');
      const ended = await Promise.race([data.then(() => false), this.#ended.then(() => true)]);
      if (ended)
        throw new Error(`The child ended without saying ${line}: ${this.#stdout}${this.#stderr}`);
    }
  }

  /** Writes a line to the child's standard input, for which its `readSync(0, …)` waits. */
  writeLine(line: string): void {
    this.#process.stdin.write(`${line}\n`);
  }

  /** Resolves once the child has ended by itself. */
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
