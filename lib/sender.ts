// Sends to the service manager without ever waiting for it.
//
// libsystemd's send blocks, without a time limit, while the manager's queue is full. So before each
// call the kernel is asked whether there is room; where there is none, messages wait here, in
// order, until there is.
import { encodeUnixAddress } from './address.ts';
import { fs } from './builtin.ts';
import { duplicate } from './descriptor.ts';
import { SystemdError } from './errors.ts';
import { native } from './native.ts';
import { sd_pid_notify_with_fds } from './sd.ts';

interface Message {
  readonly pid: number;
  readonly state: string;
  readonly fds: readonly number[];
}

/** At most this many messages wait, of at most 4 KiB each. */
const MOST_WAITING = 16_384;

/** So many are sent before the event loop gets its turn. */
const MOST_PER_TURN = 256;

/** The waits between two looks, in milliseconds: from short to long while nothing moves. */
const FIRST_DELAY = 1;
const LONGEST_DELAY = 64;

/** A process that has nothing else to do stays this long, in milliseconds, for a stuck manager. */
const PATIENCE = 5_000;

const waiting: Message[] = [];
let timer: NodeJS.Timeout | NodeJS.Immediate | undefined;
let delay = FIRST_DELAY;
let lastProgress = 0;

/**
 * Whether libsystemd's send would return at once. What isn't a Unix address is for libsystemd to
 * judge, and so is an address that nobody receives on: it fails without waiting.
 */
function hasRoom(): boolean {
  const address = process.env.NOTIFY_SOCKET ?? '';
  if (!/^[/@]./.test(address)) return true;
  return native().datagram_room(encodeUnixAddress(address)) !== 0;
}

function deliver({ pid, state, fds }: Message): boolean {
  return sd_pid_notify_with_fds(pid, false, state, fds);
}

/** A waiting message has nobody to throw to any more. */
function deliverLate(message: Message): void {
  try {
    deliver(message);
  } catch (error) {
    process.emitWarning(error as Error);
  } finally {
    for (const fd of message.fds) fs().closeSync(fd);
  }
}

function flush(): void {
  let sent = 0;
  while (sent < waiting.length && sent < MOST_PER_TURN && hasRoom()) {
    deliverLate(waiting[sent++] as Message);
  }
  waiting.splice(0, sent);
  schedule(sent > 0);
}

/** While the manager reads, at once again; while it doesn't, later and later. */
function schedule(progress: boolean): void {
  timer = undefined;
  if (waiting.length === 0) return;
  if (progress) {
    lastProgress = performance.now();
    delay = FIRST_DELAY;
    timer = setImmediate(flush);
    return;
  }
  timer = setTimeout(flush, delay);
  delay = Math.min(delay * 2, LONGEST_DELAY);
  if (performance.now() - lastProgress > PATIENCE) timer.unref();
}

/** What fits is still sent when the process ends. */
function flushAtExit(): void {
  while (waiting.length > 0 && hasRoom()) deliverLate(waiting.shift() as Message);
}

/** Copies of the descriptors, for the caller may close its own. */
function copies(fds: readonly number[]): number[] {
  const copied: number[] = [];
  try {
    for (const fd of fds) copied.push(duplicate(fd));
    return copied;
  } catch (error) {
    for (const fd of copied) fs().closeSync(fd);
    throw error;
  }
}

function wait({ pid, state, fds }: Message): void {
  if (waiting.length >= MOST_WAITING) {
    throw new SystemdError(
      'ERR_SYSTEMD_QUEUE_FULL',
      `The service manager does not read its notifications, and ${MOST_WAITING} are waiting already`,
    );
  }
  waiting.push({ pid, state, fds: copies(fds) });
  if (timer !== undefined) return;
  process.off('exit', flushAtExit).once('exit', flushAtExit);
  lastProgress = performance.now();
  delay = FIRST_DELAY;
  schedule(false);
}

/** Whether messages wait for the manager to read. */
export function isWaiting(): boolean {
  return waiting.length > 0;
}

/**
 * Sends a message, or lets it wait for its turn; true for both. false when NOTIFY_SOCKET is unset.
 * Throws when it can't be sent.
 */
export function send(pid: number, state: string, fds: readonly number[]): boolean {
  if (process.env.NOTIFY_SOCKET === undefined) return false;
  const message = { pid, state, fds };
  if (waiting.length === 0 && hasRoom()) return deliver(message);
  wait(message);
  return true;
}
