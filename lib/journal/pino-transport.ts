// The transport of pino: a stream in a worker thread, which gets the lines of a logger.
import type { Writable } from 'node:stream';
import { fs, stream } from '../base/lazy-builtins.ts';
import { type JournalDestinationOptions, journalDestination } from './pino.ts';

/** What pino and thread-stream add to the options of each transport: `$context`, `pinoWillSendConfig`. */
const FROM_PINO = /^(\$|pino)/;

/** Milliseconds to wait for room in a full pipe. */
const FULL_DELAY = 10;

/**
 * Writes to standard output. `process.stdout` of a worker thread would hand the text to the main thread, which may have ended by
 * then.
 */
function writeNow(text: string): boolean {
  let rest: Uint8Array = Buffer.from(text);
  while (rest.length > 0) {
    try {
      rest = rest.subarray(fs().writeSync(1, rest));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, FULL_DELAY);
    }
  }
  return true;
}

function ownOptions(options: JournalDestinationOptions): JournalDestinationOptions {
  const own: JournalDestinationOptions = Object.fromEntries(
    Object.entries(options).filter(([name]) => !FROM_PINO.test(name)),
  );
  const { fallback = 'stdout' } = own;
  const stdout = { write: writeNow } as unknown as NodeJS.WritableStream;
  return fallback === 'stdout' ? { ...own, fallback: stdout } : own;
}

/**
 * The transport `libsystemd/pino`, which pino starts in a worker thread:
 * `pino({ transport: { target: 'libsystemd/pino', options } })`. The main thread then has less to do for an entry, and the process more. What
 * {@link journalDestination} makes is the better choice for most programs.
 *
 * @param options - those of {@link journalDestination}; `fallback` can be `'stdout'` only
 * @returns the stream that pino writes to
 * @throws TypeError ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, RangeError ERR_OUT_OF_RANGE for wrong options
 * @see sd_journal_send(3), version 187; systemd.journal-fields(7)
 */
export default function transport(options: JournalDestinationOptions = {}): Writable {
  const destination = journalDestination(ownOptions(options));
  let rest = '';
  return new (stream().Writable)({
    decodeStrings: false,
    write(chunk: string | Buffer, _encoding, callback) {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop() ?? '';
      try {
        for (const line of lines) if (line !== '') destination.write(`${line}\n`);
        callback();
      } catch (error) {
        callback(error as Error);
      }
    },
    final(callback) {
      if (rest !== '') destination.write(rest);
      destination.flush(callback);
    },
  });
}
