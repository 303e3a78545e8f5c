// Journalctl: the child process that reads the journal.
import type { ChildProcessByStdio } from 'node:child_process';
import type { Readable } from 'node:stream';
import { systemError } from '../../base/errors.ts';
import { childProcess } from '../../base/lazy-builtins.ts';
import { journalctlError } from './journalctl-error.ts';

/** How much of what journalctl complains about gets into an error. */
const MOST_COMPLAINT = 1_000;

/** How the process has ended; an error when it could not be started. */
interface End {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly error?: NodeJS.ErrnoException;
}

type Child = ChildProcessByStdio<null, Readable, Readable>;

export class Journalctl {
  readonly #child: Child;
  /** Absent when no descriptor was left for the pipe. */
  readonly #output: AsyncIterator<Buffer> | undefined;
  readonly #ended: Promise<End>;
  #complaint = '';

  /** @throws Error of Node when the arguments are too long for a process */
  constructor(args: readonly string[]) {
    this.#child = childProcess().spawn('journalctl', args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      // It complains to us, in plain text.
      env: {
        ...process.env,
        SYSTEMD_COLORS: '0',
        SYSTEMD_LOG_LEVEL: 'info',
        SYSTEMD_LOG_TARGET: 'console',
      },
    });
    this.#ended = new Promise((resolve) => {
      this.#child.once('error', (error) => resolve({ code: null, signal: null, error }));
      this.#child.once('close', (code, signal) => resolve({ code, signal }));
    });
    const { stdout, stderr } = this.#child as Partial<Child>;
    this.#output = stdout?.iterator();
    stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#complaint = (this.#complaint + text).slice(0, MOST_COMPLAINT);
    });
  }

  /** The next bytes; undefined at the end, also when the process was killed. Nothing is read ahead of that but a pipe's content. */
  async read(): Promise<Buffer | undefined> {
    try {
      const next = await this.#output?.next();
      return next?.done ? undefined : next?.value;
    } catch {
      return undefined; // destroyed by kill()
    }
  }

  /** Kills the process, and waits for its end. It has nothing to clean up. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    this.#child.stdout?.destroy();
    await this.#ended;
  }

  /**
   * Waits for the end of the process.
   *
   * @throws SystemdError ERR_SYSTEMD_JOURNALCTL when it has failed; ENOENT, EMFILE and others when it could not be started
   */
  async end(): Promise<void> {
    const { code, signal, error } = await this.#ended;
    if (error?.errno !== undefined) {
      throw systemError(error.errno, 'spawn', { path: 'journalctl' }, 'systemd has this program');
    }
    if (error !== undefined) throw error;
    if (code === 0) return;
    const how = signal === null ? `has ended with code ${code}` : `was ended by ${signal}`;
    const complaint = this.#complaint.trim();
    throw journalctlError(`journalctl ${how}${complaint && `: ${complaint}`}`);
  }
}
