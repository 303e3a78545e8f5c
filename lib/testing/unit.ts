// A unit in the hands of a test.
import type { Socket } from 'node:net';
import type { InheritedDescriptor } from '../descriptor/inspect.ts';
import type { Result } from '../manager/exit.ts';
import type { ActiveState, SubState } from '../manager/states.ts';
import type { UnitAddress } from './address.ts';
import type { Instance } from './instance.ts';
import type { Message } from './message.ts';
import type { Problem } from './problems/codes.ts';

/** How the main process of a unit ended, and what the service manager thinks of it. */
export interface Exit {
  /** The exit code; null if a signal has ended the process. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly result: Result;
}

/** What `until()` waits for. All that is given has to be so at the same time. */
export interface UnitCondition {
  readonly state?: Unit['state'] | undefined;
  /** The status text, or a part of it by a regular expression. */
  readonly status?: string | RegExp | undefined;
  readonly errno?: number | undefined;
}

/** A setting of a unit file that has no effect in a test. */
export interface IgnoredSetting {
  readonly key: string;
  readonly value: string;
  readonly file: string;
  readonly line: number;
  readonly why: string;
}

/**
 * A daemon that runs as a service, with this process as its service manager.
 *
 * @typeParam Name - the names of its sockets, where `start()` knows them: those in `sockets`, if it was given a command
 */
export interface Unit<Name extends string = string> extends AsyncDisposable {
  /**
   * `listening`: its sockets wait for the client that starts it (`lazy`), or for connections (`accept`). The others are
   * those of `systemctl status`.
   */
  readonly state: ActiveState | 'listening';
  /** The more exact state, as `systemctl show --property=SubState` prints it. */
  readonly subState: SubState;
  /** Why it has failed, in systemd's words; `success` as long as it has not. */
  readonly result: Result;
  readonly mainPid: number | undefined;
  /** The last STATUS=. */
  readonly status: string | undefined;
  /** The last ERRNO=; 0 if there was none. */
  readonly errno: number;
  /** How often it was restarted by Restart=. */
  readonly restarts: number;
  /** The addresses of its sockets by their fd names; the first of each name. */
  readonly addresses: Readonly<Record<Name, UnitAddress>>;
  /** All its sockets, in the order of their descriptors. */
  readonly sockets: readonly UnitAddress[];
  /** All notifications so far. */
  readonly messages: readonly Message[];
  /** What it does wrong, as far as it has shown so far. */
  readonly problems: readonly Problem[];
  /** Its fd store, the newest first. The descriptors belong to the unit. */
  readonly stored: readonly InheritedDescriptor[];
  /** All that it has written to standard output and standard error; of more than 16 Mi characters the last. */
  readonly output: string;
  /** What the service manager would have logged about it. */
  readonly log: readonly string[];
  /** The services of its connections (`accept`), the oldest first, also those that have ended. */
  readonly instances: readonly Instance[];
  /** The settings of its unit files that have no effect here, so that nobody believes to have tested them. */
  readonly ignored: readonly IgnoredSetting[];

  /**
   * The URL of a TCP socket.
   *
   * @param name - the fd name
   * @param path - what follows the port: nothing, or a path with its `/`. Default: `/`
   * @throws TypeError ERR_INVALID_ARG_VALUE when the unit has no such socket, when it is not one of
   * TCP, and when the path does not begin with `/`
   */
  url(name: Name, path?: string): string;

  /**
   * Connects to a stream socket.
   *
   * @returns the connection, once it is made. The test ends it.
   * @throws Error ECONNREFUSED and the like when nobody listens any more
   * @throws TypeError ERR_INVALID_ARG_VALUE when the unit has no such socket, or nobody can connect to it
   */
  connect(name: Name): Promise<Socket>;

  /**
   * Waits until the unit is as described, or a function of it returns true. The function is asked whenever something of
   * the unit has changed. A failure for which a test has waited in this way is not told again by `stop()`.
   *
   * @param options - `timeout` in milliseconds, default 4000
   * @throws UnitError ERR_SYSTEMD_UNIT when it does not come to that in time; at once when the unit has ended, and
   * nothing starts it again
   * @throws TypeError, RangeError ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE or ERR_OUT_OF_RANGE for a wrong argument
   */
  until(
    what: UnitCondition | ((unit: Unit<Name>) => boolean),
    options?: { readonly timeout?: number | undefined },
  ): Promise<void>;

  /** All notifications: those so far, and then each as it comes. It ends when the unit is stopped by `stop()`. */
  notifications(): AsyncIterableIterator<Message>;

  /**
   * Starts the unit again, on the same addresses, as `systemctl start` does. Nothing happens if it runs.
   *
   * @throws UnitError ERR_SYSTEMD_UNIT when it does not start, or is stopped by `stop()` before that
   * @throws the reason of the `signal`, once that has aborted
   */
  start(): Promise<void>;

  /**
   * Stops the unit as `systemctl stop` does, and leaves nothing of it behind: processes, sockets and its folder. Only
   * what `fdStorePreserve` keeps stays, for `start()`.
   *
   * @returns how its main process ended; also when it has been stopped before
   * @throws UnitError ERR_SYSTEMD_UNIT when it did not stop in order, or is `strict` and had failed before without the
   * test's knowledge: no `until()` was met, and no call has rejected since. ERR_SYSTEMD_PROBLEMS when the unit has
   * problems and is `strict`. Nothing is left behind all the same.
   */
  stop(): Promise<Exit>;

  /**
   * Restarts the unit as `systemctl restart` does. Its sockets stay open meanwhile, and the fd store is kept. A `lazy`
   * unit that was stopped only listens again, as after `start()`.
   *
   * @throws UnitError ERR_SYSTEMD_UNIT when it does not start again, or is stopped by `stop()` before that
   * @throws the reason of the `signal`, once that has aborted
   */
  restart(): Promise<void>;

  /**
   * Reloads the unit as `systemctl reload` does: by `ExecReload=`, or by SIGHUP and its notifications
   * (Type=notify-reload).
   *
   * @throws UnitError ERR_SYSTEMD_UNIT when the unit has no reload, or it fails
   */
  reload(): Promise<void>;

  /**
   * Sends a signal to the main process, as somebody else may.
   *
   * @throws UnitError ERR_SYSTEMD_UNIT when there is no main process
   * @throws TypeError ERR_INVALID_ARG_TYPE or ERR_INVALID_ARG_VALUE when it is not the name of a signal
   */
  kill(signal: NodeJS.Signals): void;

  /**
   * Reads no more notifications, as a service manager that is stuck, until `resume()` or `stop()`: also those of
   * programs that are started later.
   */
  pause(): void;

  /** Reads notifications again, those that have waited first. */
  resume(): void;

  /** Resolves when everything that the unit has sent so far was processed. */
  drain(): Promise<void>;
}
