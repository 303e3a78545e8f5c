// The options of `libsystemd/auto`, which are environment variables.
import { LONGEST_TIMER } from '../base/clock.ts';
import { escapeUnambiguously } from '../base/printable.ts';

/** When READY=1 is sent. */
export type ReadyWhen =
  /** This many milliseconds after the program listens. */
  | number
  /** The program, or a process that it starts, says so itself. */
  | 'manual'
  /** A GET of this URL is answered with a status below 400. */
  | URL;

export interface Variables {
  /** LIBSYSTEMD_AUTO: the names of descriptors (FileDescriptorName=), by the port or path that the program asks for. */
  readonly names: ReadonlyMap<string, string>;
  readonly ready: ReadyWhen;
  /** Milliseconds; undefined when the variable is unset. */
  readonly idleTimeout: number | undefined;
  readonly stopTimeout: number | undefined;
  readonly exitTimeout: number | undefined;
}

function fail(name: string, expected: string): never {
  const text = escapeUnambiguously(process.env[name] ?? '');
  const error = new TypeError(`${name} must be ${expected}, and is "${text}"`);
  throw Object.assign(error, { code: 'ERR_INVALID_ARG_VALUE' });
}

function readNames(): ReadonlyMap<string, string> {
  const { LIBSYSTEMD_AUTO: text = '' } = process.env;
  const pairs = text.split(',').filter((pair) => pair.trim() !== '');
  return new Map(
    pairs.map((pair) => {
      const at = pair.indexOf('=');
      const [from, to] = [pair.slice(0, at).trim(), pair.slice(at + 1).trim()];
      if (at > 0 && from !== '' && to !== '') return [from, to];
      return fail('LIBSYSTEMD_AUTO', 'a list such as 3000=web,9100=metrics');
    }),
  );
}

/** A number of milliseconds; undefined when the variable is unset. `infinity` is a time without end, as in a unit. */
function readTime(name: string): number | undefined {
  const text = process.env[name];
  if (!text) return undefined;
  if (text === 'infinity') return Number.POSITIVE_INFINITY;
  const milliseconds = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (milliseconds <= LONGEST_TIMER) return milliseconds;
  return fail(name, `a whole number of milliseconds up to ${LONGEST_TIMER}, or infinity`);
}

function readReady(): ReadyWhen {
  const name = 'LIBSYSTEMD_AUTO_READY';
  const text = process.env[name];
  if (!text) return 0;
  if (text === 'manual') return 'manual';
  if (/^http:\/\//.test(text) && URL.canParse(text)) return new URL(text);
  if (/^\d+$/.test(text)) return readTime(name) as number;
  return fail(name, 'manual, a whole number of milliseconds, or a URL of http');
}

/** Throws TypeError ERR_INVALID_ARG_VALUE for a malformed variable, so that the service fails to start. */
export function readVariables(): Variables {
  return {
    names: readNames(),
    ready: readReady(),
    idleTimeout: readTime('LIBSYSTEMD_AUTO_IDLE_TIMEOUT'),
    stopTimeout: readTime('LIBSYSTEMD_AUTO_STOP_TIMEOUT'),
    exitTimeout: readTime('LIBSYSTEMD_AUTO_EXIT_TIMEOUT'),
  };
}
