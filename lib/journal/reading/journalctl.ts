// Journalctl: the child process that reads the journal.
import type { ChildProcessByStdio } from 'node:child_process';
import type { Readable } from 'node:stream';
import { type SystemdError, systemError } from '../../base/errors.ts';
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

function startError(errno: number, advice?: string): SystemdError {
  return systemError(errno, 'spawn', { path: 'journalctl' }, advice);
}

/** Starts the process. Most failures come later, by an event; that of too long arguments is thrown: E2BIG. */
function spawn(args: readonly string[]): Child {
  // It complains to us, in plain text.
  const own = { SYSTEMD_COLORS: '0', SYSTEMD_LOG_LEVEL: 'info', SYSTEMD_LOG_TARGET: 'console' };
  try {
    return childProcess().spawn('journalctl', args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...own },
    });
  } catch (error) {
    const { errno } = error as NodeJS.ErrnoException;
    throw errno === undefined ? error : startError(errno, 'give shorter or fewer values');
  }
}

export class Journalctl {
  readonly #child: Child;
  /** Absent when no descriptor was left for the pipe. */
  readonly #output: AsyncIterator<Buffer> | undefined;
  readonly #ended: Promise<End>;
  #complaint = '';

  /** @throws SystemdError E2BIG when the arguments are too long for a process */
  constructor(args: readonly string[]) {
    this.#child = spawn(args);
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
    const advice = error?.code === 'ENOENT' ? 'systemd has this program' : undefined;
    if (error?.errno !== undefined) throw startError(error.errno, advice);
    if (error !== undefined) throw error;
    if (code === 0) return;
    const how = signal === null ? `has ended with code ${code}` : `was ended by ${signal}`;
    const complaint = this.#complaint.trim();
    throw journalctlError(`journalctl ${how}${complaint && `: ${complaint}`}`);
  }
}
