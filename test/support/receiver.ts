import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { tool } from './tools.ts';

/** A descriptor that came with a datagram, as the receiver saw it. */
export interface ReceivedDescriptor {
  /** What /proc/self/fd shows, such as `pipe:[123]`. */
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
  /** The text; bytes that are not UTF-8 show as U+FFFD. */
  readonly message: string;
  /** The exact bytes. */
  readonly hex: string;
  /** Whether the message or its descriptors did not fit. */
  readonly truncated: boolean;
  /** Who sent it, by SCM_CREDENTIALS. */
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
  /** Called whenever something came: resolves the wait if that was it. */
  look(): void;
  fail(reason: string): void;
}

const defaultTimeoutMs = 10_000;

export interface ReceiverOptions {
  /** Listen at an abstract name, not at a path in a folder of its own. */
  readonly abstract?: boolean;
}

/** Starts test/tools/receiver.c, a notification socket that keeps what it is sent. */
export async function startReceiver({ abstract }: ReceiverOptions = {}): Promise<Receiver> {
  if (abstract) return await Receiver.start(`@libsystemd-test-${randomUUID()}`);
  const folder = await mkdtemp(join(tmpdir(), 'libsystemd-test-'));
  return await Receiver.start(join(folder, 'notify'), folder);
}

export class Receiver implements AsyncDisposable {
  /** The value for NOTIFY_SOCKET. */
  readonly address: string;
  /** All that came so far. */
  readonly messages: Datagram[] = [];

  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #folder: string | undefined;
  readonly #replies: Reply[] = [];
  readonly #waits = new Set<Wait>();
  #handedOut = 0;
  #ended: string | undefined;

  private constructor(address: string, folder: string | undefined) {
    this.address = address;
    this.#folder = folder;
    this.#child = spawn(tool('receiver'), [address], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#child.on('error', (error) => this.#end(error.message));
    this.#child.on('close', (code, signal) => this.#end(`the receiver ended, ${code ?? signal}`));
    this.#child.stdin.on('error', () => undefined); // EPIPE: 'close' tells of it
    this.#readLines();
  }

  /** @internal {@link startReceiver} is the way in. */
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

  /** The next datagram not yet handed out; rejects after 5 s with what has come so far. */
  next(): Promise<Datagram> {
    return this.#wait('a datagram', () => this.#handOut());
  }

  /**
   * Hands out datagrams up to the first that `wanted` accepts, and resolves with that one. A text
   * stands for a datagram that has it as a whole line, or as several in sequence.
   */
  until(
    wanted: string | ((datagram: Datagram) => boolean),
    timeoutMs: number = defaultTimeoutMs,
  ): Promise<Datagram> {
    const accepts =
      typeof wanted === 'function'
        ? wanted
        : ({ message }: Datagram) => `\n${message}\n`.includes(`\n${wanted}\n`);
    const look = () => {
      let datagram = this.#handOut();
      while (datagram && !accepts(datagram)) datagram = this.#handOut();
      return datagram;
    };
    return this.#wait(typeof wanted === 'string' ? wanted : 'a match', look, timeoutMs);
  }

  /** Stops reading, so that the queue of the socket fills and senders meet a full one. */
  async stop(): Promise<void> {
    await this.#command('stop');
  }

  /** Reads again. */
  async go(): Promise<void> {
    await this.#command('go');
  }

  /** Keeps descriptors received from now on open, so that a barrier is not passed. */
  async hold(): Promise<void> {
    await this.#command('hold');
  }

  /** Closes the descriptors held, and holds no longer; resolves with their number. */
  async release(): Promise<number> {
    const reply = await this.#command('release');
    return 'released' in reply ? reply.released : 0;
  }

  /** Waits until all that was sent by now is in {@link messages}, unless it was closed before. */
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

  #handOut(): Datagram | undefined {
    const datagram = this.messages[this.#handedOut];
    if (datagram) this.#handedOut++;
    return datagram;
  }

  /**
   * Not node:readline: from Node 24 on it ends a line at U+2028 too, which a message may have.
   * @see https://github.com/nodejs/node/pull/57591
   */
  #readLines(): void {
    let rest = '';
    this.#child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) this.#take(line);
    });
  }

  #take(line: string): void {
    const value = JSON.parse(line) as Datagram | Reply;
    if ('message' in value) this.messages.push(value);
    else this.#replies.push(value);
    for (const wait of this.#waits) wait.look();
  }

  #end(reason: string): void {
    this.#ended ??= reason;
    for (const wait of this.#waits) wait.fail(this.#ended);
  }

  /** Resolves once `look` finds something, now or after something came. */
  #wait<T>(what: string, look: () => T | undefined, timeoutMs = defaultTimeoutMs): Promise<T> {
    return new Promise((resolve, reject) => {
      const settle = () => {
        clearTimeout(timer);
        this.#waits.delete(wait);
      };
      const wait: Wait = {
        look: () => {
          const found = look();
          if (found === undefined) return;
          settle();
          resolve(found);
        },
        fail: (reason) => {
          settle();
          const soFar = JSON.stringify(this.messages.map(({ message }) => message));
          reject(new Error(`Waited for ${what}: ${reason}; so far came ${soFar}`));
        },
      };
      const timer = setTimeout(() => wait.fail(`nothing within ${timeoutMs} ms`), timeoutMs);
      this.#waits.add(wait);
      wait.look();
      if (this.#ended !== undefined) wait.fail(this.#ended);
    });
  }
}
