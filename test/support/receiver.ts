// A stand-in for the manager's notification socket, which keeps the messages that it receives.
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { tool } from './tools.ts';

/** A descriptor that came with a datagram. */
export interface ReceivedDescriptor {
  /** The link in /proc/self/fd, such as `pipe:[123]`. */
  readonly link: string;
  readonly dev: number;
  readonly ino: number;
  readonly mode:
    | 'pipe'
    | 'socket'
    | 'file'
    | 'directory'
    | 'character device'
    | 'block device'
    | 'other';
}

export interface Datagram {
  /** The text, with U+FFFD for bytes that are not UTF-8. */
  readonly message: string;
  /** The exact bytes. */
  readonly hex: string;
  /** True if the message or its descriptors did not fit into the receiver's buffer. */
  readonly truncated: boolean;
  /** The sender's pid by SCM_CREDENTIALS; `uid` and `gid` likewise. */
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
  readonly fds: readonly ReceivedDescriptor[];
}

type Reply =
  | { readonly ready: true }
  | { readonly stopped: true }
  | { readonly reading: true }
  | { readonly holding: true }
  | { readonly drained: true }
  | { readonly released: number };

interface Wait {
  /** To call when a message has come. Resolves the wait if the message is the awaited one. */
  check(): void;
  fail(reason: string): void;
}

const DEFAULT_TIMEOUT_MS = 30_000;

export interface ReceiverOptions {
  /** True: listen at an abstract name. Default: at a path in a new folder. */
  readonly abstract?: boolean;
}

/** Starts test/tools/receiver.c, which receives and prints the messages. */
export async function startReceiver({ abstract }: ReceiverOptions = {}): Promise<Receiver> {
  if (abstract) return await Receiver.start(`@libsystemd-test-${randomUUID()}`);
  const folder = await mkdtemp(join(tmpdir(), 'libsystemd-test-'));
  return await Receiver.start(join(folder, 'notify'), folder);
}

/** The receiver, and all messages that it has received. */
export class Receiver implements AsyncDisposable {
  /** The value for NOTIFY_SOCKET. */
  readonly address: string;
  /** All datagrams that have come so far. */
  readonly messages: Datagram[] = [];

  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #folder: string | undefined;
  readonly #replies: Reply[] = [];
  readonly #waits = new Set<Wait>();
  #returned = 0;
  #ended: string | undefined;

  private constructor(address: string, folder: string | undefined) {
    this.address = address;
    this.#folder = folder;
    this.#child = spawn(tool('receiver'), [address], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#child.on('error', (error) => this.#end(error.message));
    this.#child.on('close', (code, signal) => this.#end(`the receiver ended, ${code ?? signal}`));
    this.#child.stdin.on('error', () => undefined); // EPIPE, after which 'close' follows
    this.#readLines();
  }

  /** @internal Call {@link startReceiver}. */
  static async start(address: string, folder?: string): Promise<Receiver> {
    const receiver = new Receiver(address, folder);
    try {
      await receiver.#wait('readiness', () => receiver.#replies.shift());
      return receiver;
    } catch (error) {
      await receiver.close();
      throw error;
    }
  }

  /** Returns the next datagram that was not returned before. Rejects after 5 s. */
  next(): Promise<Datagram> {
    return this.#wait('a datagram', () => this.#takeNext());
  }

  /**
   * Skips datagrams until one matches, and returns that one. A function decides itself; a text matches a datagram in
   * which it is a whole line, or several whole lines in sequence.
   */
  until(
    match: string | ((datagram: Datagram) => boolean),
    timeoutMs: number = DEFAULT_TIMEOUT_MS,
  ): Promise<Datagram> {
    const isMatch =
      typeof match === 'function'
        ? match
        : ({ message }: Datagram) => `\n${message}\n`.includes(`\n${match}\n`);
    const find = () => {
      let datagram = this.#takeNext();
      while (datagram && !isMatch(datagram)) datagram = this.#takeNext();
      return datagram;
    };
    return this.#wait(typeof match === 'string' ? match : 'a match', find, timeoutMs);
  }

  /** Stops reading, so that the queue of the socket becomes full. */
  async stop(): Promise<void> {
    await this.#command('stop');
  }

  /** Continues reading. */
  async go(): Promise<void> {
    await this.#command('go');
  }

  /** Keeps the descriptors open that are received from now on, so that a barrier is not passed. */
  async hold(): Promise<void> {
    await this.#command('hold');
  }

  /** Closes the descriptors that were kept open, and keeps no further ones. Returns their number. */
  async release(): Promise<number> {
    const reply = await this.#command('release');
    return 'released' in reply ? reply.released : 0;
  }

  /** Waits until {@link messages} has all datagrams that were sent before. Returns at once after {@link close}. */
  async drain(): Promise<void> {
    if (this.#ended === undefined) await this.#command('drain');
  }

  /** Ends the receiver and removes its socket. */
  async close(): Promise<void> {
    if (this.#ended === undefined) {
      this.#child.stdin.end();
      await once(this.#child, 'close');
    }
    if (this.#folder !== undefined) await rm(this.#folder, { recursive: true, force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #command(name: 'stop' | 'go' | 'hold' | 'release' | 'drain'): Promise<Reply> {
    this.#child.stdin.write(`${name}\n`);
    return this.#wait(`the answer to ${name}`, () => this.#replies.shift());
  }

  #takeNext(): Datagram | undefined {
    const datagram = this.messages[this.#returned];
    if (datagram) this.#returned++;
    return datagram;
  }

  /**
   * Not by node:readline, because from Node 24 on it also ends a line at U+2028, which a message may have.
   * @see https://github.com/nodejs/node/pull/57591
   */
  #readLines(): void {
    let rest = '';
    this.#child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) this.#handle(line);
    });
  }

  #handle(line: string): void {
    const value = JSON.parse(line) as Datagram | Reply;
    if ('message' in value) this.messages.push(value);
    else this.#replies.push(value);
    for (const wait of this.#waits) wait.check();
  }

  #end(reason: string): void {
    this.#ended ??= reason;
    for (const wait of this.#waits) wait.fail(this.#ended);
  }

  /** Resolves with the result of `find` once that is not undefined. Calls `find` now, and when something has come. */
  #wait<T>(what: string, find: () => T | undefined, timeoutMs = DEFAULT_TIMEOUT_MS): Promise<T> {
    return new Promise((resolve, reject) => {
      const settle = () => {
        clearTimeout(timer);
        this.#waits.delete(wait);
      };
      const wait: Wait = {
        check: () => {
          const found = find();
          if (found === undefined) return;
          settle();
          resolve(found);
        },
        fail: (reason) => {
          settle();
          const soFar = JSON.stringify(this.messages.map(({ message }) => message));
          reject(new Error(`Waited for ${what}: ${reason}; received so far: ${soFar}`));
        },
      };
      const timer = setTimeout(() => wait.fail(`nothing within ${timeoutMs} ms`), timeoutMs);
      this.#waits.add(wait);
      wait.check();
      if (this.#ended !== undefined) wait.fail(this.#ended);
    });
  }
}
