// The arguments of `activate`.
import { existsSync } from 'node:fs';
import { excerpt } from '../../base/validate.ts';
import { parseAddress, splitName } from '../../manager/addresses.ts';
import { SERVICE_TYPES, type ServiceType } from '../../manager/description.ts';
import { InvalidValue, toMilliseconds, toTimeout, toWord } from '../../manager/unit-file/values.ts';
import { UsageError } from '../command.ts';

/** The arguments, read. */
export interface ActivateOptions {
  readonly command: readonly string[];
  readonly listen: readonly string[];
  /** The path of a unit file. */
  readonly unit?: string;
  readonly type?: ServiceType;
  readonly lazy: boolean;
  /** A program for each connection. */
  readonly accept: boolean;
  /** The connection is its standard input and output. */
  readonly inetd: boolean;
  readonly watch: boolean;
  readonly watchPaths: readonly string[];
  readonly watchdog?: number;
  readonly stopTimeout?: number;
  readonly once: boolean;
  readonly strict: boolean;
}

/** True when changes of files restart the program. */
export const isWatching = ({ watch, watchPaths }: ActivateOptions): boolean =>
  watch || watchPaths.length > 0;

/** The values of the options as they came. */
export interface GivenOptions {
  readonly listen?: readonly string[];
  readonly unit?: string;
  readonly type?: string;
  readonly lazy?: boolean;
  readonly accept?: boolean;
  readonly inetd?: boolean;
  readonly watch?: boolean;
  readonly 'watch-path'?: readonly string[];
  readonly watchdog?: string;
  readonly 'stop-timeout'?: string;
  readonly once?: boolean;
  readonly strict?: boolean;
}

/** Reads the value of an option, by the rules of unit files. */
function read<T>(option: string, text: string, to: (text: string) => T): T {
  try {
    return to(text);
  } catch (error) {
    if (!(error instanceof InvalidValue)) throw error;
    throw new UsageError(`--${option} ${excerpt(text)}: ${error.message}`);
  }
}

/**
 * Reads the options of `activate`.
 *
 * @param command - the words after `--`
 * @throws UsageError for a wrong value, or when there is nothing to start
 */
export function readOptions(given: GivenOptions, command: readonly string[]): ActivateOptions {
  const { unit, type, watchdog, listen = [], 'watch-path': watchPaths = [] } = given;
  const stopTimeout = given['stop-timeout'];
  if (command.length === 0 && unit === undefined)
    throw new UsageError('there is no program: it goes after --, such as -- node server.js');
  for (const path of watchPaths) {
    if (!existsSync(path)) throw new UsageError(`--watch-path ${excerpt(path)} does not exist`);
  }
  for (const text of listen) {
    const why = whyNoAddress(text);
    if (why !== undefined) throw new UsageError(`--listen: ${why}`);
  }
  return {
    command,
    listen,
    ...(unit !== undefined && { unit }),
    ...(type !== undefined && { type: read('type', type, toWord(SERVICE_TYPES)) }),
    ...(watchdog !== undefined && { watchdog: read('watchdog', watchdog, toMilliseconds) }),
    ...(stopTimeout !== undefined && {
      stopTimeout: read('stop-timeout', stopTimeout, toTimeout),
    }),
    lazy: given.lazy ?? false,
    accept: given.accept ?? false,
    inetd: given.inetd ?? false,
    watch: given.watch ?? false,
    watchPaths,
    once: given.once ?? false,
    strict: given.strict ?? false,
  };
}

/** A place for an address that is only checked. */
export const ANYWHERE = { folder: '/tmp', name: 'socket' };

/** Why this is no `[NAME=]ADDRESS`; undefined when it is one. */
function whyNoAddress(text: string): string | undefined {
  try {
    parseAddress(splitName(text).address, ANYWHERE);
    return undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_INVALID_ARG_VALUE') throw error;
    return (error as Error).message;
  }
}
