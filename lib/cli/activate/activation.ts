// The unit that the arguments of `activate` describe.
import { resolve } from 'node:path';
import { excerpt } from '../../base/validate.ts';
import { parseAddress, splitName } from '../../manager/addresses.ts';
import { describe } from '../../manager/defaults.ts';
import type { UnitDescription } from '../../manager/description.ts';
import type { Describe } from '../../manager/managed-unit.ts';
import { ACCEPTING_KINDS, type SocketDescription } from '../../manager/socket-description.ts';
import { SocketFolder } from '../../manager/socket-folder.ts';
import {
  checkTemplate,
  type Remark,
  readUnitFile,
  type UnitFile,
} from '../../manager/unit-file.ts';
import { nameOfCommand } from '../../testing/unit-name.ts';
import { UsageError } from '../command.ts';
import type { Setting } from './events.ts';
import { type ActivateOptions, ANYWHERE, isWatching } from './options.ts';

type Address = Pick<SocketDescription, 'kind' | 'address'>;

/** Variables by which a service manager speaks to one process: this one, and not the program that it starts. */
const OF_THE_MANAGER =
  /^(LISTEN_(FDS|PID|PIDFDID|FDNAMES)|NOTIFY_SOCKET|WATCHDOG_(USEC|PID)|FDSTORE|MAINPID|MANAGERPID|INVOCATION_ID|SYSTEMD_EXEC_PID|JOURNAL_STREAM)$/;

/** The environment of a program that a developer starts: that of this process, as of any program in a terminal. */
function ownEnvironment(): Record<string, string> {
  const entries = Object.entries(process.env).filter(
    (entry): entry is [string, string] => entry[1] !== undefined && !OF_THE_MANAGER.test(entry[0]),
  );
  return Object.fromEntries(entries);
}

/** A socket of a `--listen`. Without a name it has that of its unit, as in systemd. */
function socketOf(text: string, unit: string, folder: SocketFolder): SocketDescription {
  const { name = `${unit}.socket`, address } = splitName(text);
  return { name, ...parseAddress(address, folder.place(name)) };
}

function socketsOf(listen: readonly string[], unit: string, folder: string): SocketDescription[] {
  const files = new SocketFolder(folder);
  return listen.map((text) => socketOf(text, unit, files));
}

/** What a program has that no unit file describes. */
function fromCommand(options: ActivateOptions, folder: string): Partial<UnitDescription> {
  const name = nameOfCommand(options.command);
  return {
    name,
    // A program for one connection has nothing to say to a manager.
    type: options.accept ? 'exec' : 'notify',
    // The launcher says itself that READY=1 has not come, and a program that never sends it works all the same.
    startTimeout: Number.POSITIVE_INFINITY,
    stopTimeout: 5000,
    environment: ownEnvironment(),
    directory: process.cwd(),
    sockets: socketsOf(options.listen, name.replace(/\.[cm]?[jt]s$/, ''), folder),
  };
}

/** The sockets of a unit's files; each that has the name of a `--listen` is opened at that address instead. */
function fromFile(
  unit: UnitDescription,
  options: ActivateOptions,
  folder: string,
): Partial<UnitDescription> {
  const wished = socketsOf(options.listen, unit.name, folder);
  const sockets = unit.sockets.map((socket) => {
    const found = wished.findIndex(({ name }) => name === socket.name);
    return found < 0 ? socket : { ...socket, ...(wished.splice(found, 1)[0] as SocketDescription) };
  });
  const directory = unit.directory ?? (options.command.length > 0 ? process.cwd() : undefined);
  return {
    ...unit,
    ...(directory !== undefined && { directory }),
    sockets: [...sockets, ...wished],
    lazy: false,
  };
}

/** A unit that the launcher can run. */
export interface Activation {
  /** True: each connection starts a program of its own. */
  readonly accept: boolean;
  readonly describe: Describe;
  /** The program and its arguments, to find out which files to watch. */
  readonly command: readonly string[];
  readonly directory: string;
  /** The settings of unit files that systemd applies, and the launcher does not. */
  readonly ignored: readonly Setting[];
  /** The lines of unit files that systemd itself ignores. */
  readonly unknown: readonly Setting[];
}

/** Refuses to wait for connections where there is no socket. */
function checkWaiting({ lazy, accept, unit }: ActivateOptions, sockets: readonly Address[]): void {
  if (sockets.length > 0 || !(lazy || accept)) return;
  const needed = unit === undefined ? 'a --listen' : 'a --listen, or a socket file beside the unit';
  throw new UsageError(
    `${lazy ? '--lazy' : '--accept'} waits for a connection, so it needs ${needed}`,
  );
}

/** Refuses what makes no sense with a program for each connection, or without. */
function checkAccept(options: ActivateOptions, accept: boolean, sockets: readonly Address[]): void {
  if (!accept && options.inetd)
    throw new UsageError('--inetd passes one connection to each program, so it needs --accept');
  if (!accept) return;
  if (isWatching(options))
    throw new UsageError(
      '--watch restarts a program, and with --accept each connection starts one',
    );
  const deaf = sockets.find(({ kind }) => !ACCEPTING_KINDS.includes(kind));
  if (deaf === undefined) return;
  const whose = options.accept ? '--accept' : 'Accept=yes of the unit';
  throw new UsageError(`${whose}: ${excerpt(deaf.address)} (${deaf.kind}) takes no connections`);
}

const settingOf = ({ key, value, file, line, why }: Remark): Setting => ({
  ...{ key, value, file, line, why },
});

/** Reads unit files. A file that is not there, or can't be run, is wrong input. */
function readFile(path: string, accepts: boolean): UnitFile {
  try {
    const file = readUnitFile(resolve(path), { skipsEnvironmentFiles: true });
    checkTemplate({ ...file.unit, accept: accepts || file.unit.accept }, path);
    return file;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_SYSTEMD_UNIT_FILE') throw error;
    throw new UsageError(`--unit: ${(error as Error).message}`);
  }
}

/**
 * The unit that the arguments describe.
 *
 * @throws UsageError for a unit file that can't be run
 */
export function activationOf(options: ActivateOptions): Activation {
  const file = options.unit === undefined ? undefined : readFile(options.unit, options.accept);
  const accept = options.accept || file?.unit.accept === true;
  const wished = options.listen.map((text) => parseAddress(splitName(text).address, ANYWHERE));
  const sockets = [...(file?.unit.sockets ?? []), ...wished];
  checkWaiting(options, sockets);
  checkAccept(options, accept, sockets);
  const startOf = (unit?: UnitDescription) =>
    options.command.length > 0 || unit === undefined ? { argv: options.command } : unit.start;
  const settings = {
    ...(options.lazy && { lazy: true }),
    ...(options.accept && { accept }),
    ...(options.inetd && { input: 'socket' as const }),
    ...(options.type !== undefined && { type: options.type }),
    ...(options.watchdog !== undefined && { watchdogTimeout: options.watchdog }),
    ...(options.stopTimeout !== undefined && { stopTimeout: options.stopTimeout }),
    // A developer saves a file more often than a service may start.
    ...(isWatching(options) && { startLimit: { burst: 0, interval: 0 } }),
  };
  return {
    accept,
    describe: (folder, instance) => {
      const unit = instance === undefined ? file?.unit : file?.instantiate(instance);
      const own = unit ? fromFile(unit, options, folder) : fromCommand(options, folder);
      return describe({ ...own, ...settings, start: startOf(unit) });
    },
    command: startOf(file?.unit).argv,
    directory: file?.unit.directory ?? process.cwd(),
    ignored: (file?.ignored ?? []).map(settingOf),
    unknown: (file?.unknown ?? []).map(settingOf),
  };
}
