// The options of start(), and the settings of a unit that they make.

import { invalidType } from '../base/validate.ts';
import { type ChosenAddress, parseAddress } from '../manager/addresses.ts';
import type {
  KillMode,
  NotifyAccess,
  Restart,
  ServiceType,
  UnitDescription,
} from '../manager/description.ts';
import type { SocketDescription } from '../manager/socket-description.ts';
import type { SocketFolder } from '../manager/socket-folder.ts';

/**
 * Where a socket shall be.
 *
 * - `tcp`, `tcp6`, `udp`, `udp6`: a free port of 127.0.0.1 or ::1. The unit opens port 0 and hands it over, so no two
 *   tests ever get the same one.
 * - `unix`, `unix-dgram`, `unix-seqpacket`, `fifo`: a path in a folder of the unit. `abstract`: a name of its own.
 * - `tcp://127.0.0.1:8080`, `unix:/tmp/app.sock`, `mq:/jobs` and the like: this very address.
 * - What ListenStream= takes, such as `/run/app.sock`.
 */
export type SocketWish = ChosenAddress | (string & {});

/**
 * The context that node:test (`t`) or vitest gives a test function. The context of another test runner fits when it has
 * one of the two methods.
 */
export interface TestContext {
  /** The method of node:test: calls the function when the test has ended. */
  after?(stop: () => Promise<void>): unknown;
  /** The method of vitest: does the same. */
  onTestFinished?(stop: () => Promise<void>): unknown;
  /** Aborts when the test takes too long. */
  readonly signal?: AbortSignal;
}

/**
 * The options of `start()`. Times are in milliseconds.
 *
 * @typeParam Name - the names of the sockets
 */
export interface UnitOptions<Name extends string = string> {
  /**
   * The command to start in place of the unit file's `ExecStart=`, whose paths are those of the production machine.
   * Only with a unit file.
   */
  readonly command?: readonly string[] | undefined;
  /** The sockets by their fd names; several of one name in a list. Default: none, or those of the `.socket` files. */
  readonly sockets?: Readonly<Record<Name, SocketWish | readonly SocketWish[]>> | undefined;
  /** `Type=`. Default: `notify`. */
  readonly type?: ServiceType | undefined;
  /** True: the service is started by its first connection, and `start()` resolves when the sockets listen. */
  readonly lazy?: boolean | undefined;
  /**
   * `Accept=yes`: for each connection the program is started, with the connection alone; `start()` resolves when the
   * sockets listen, and `type` is `exec` by default. Default: false.
   */
  readonly accept?: boolean | undefined;
  /** `MaxConnections=`, of programs at the same time with `accept`. Default: 64. */
  readonly maxConnections?: number | undefined;
  /**
   * `StandardInput=`. Default: `null`.
   *
   * - `null`: nothing can be read.
   * - `socket`: the only socket of the unit, or with `accept` the connection.
   * - any other text: the path of a file.
   */
  readonly input?: 'null' | 'socket' | (string & {}) | undefined;
  /**
   * Variables beside those that systemd sets; one that is undefined is left out. A service gets none of the test's
   * own, not even its PATH. Default: none.
   */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  /** `WorkingDirectory=`. Default: that of the test. */
  readonly cwd?: string | undefined;
  /** `NotifyAccess=`. Default: `main` for the notify types. */
  readonly notifyAccess?: NotifyAccess | undefined;
  /** `WatchdogSec=`. Default: 0, none. */
  readonly watchdog?: number | undefined;
  /** `FileDescriptorStoreMax=`. Default: 0, none. */
  readonly fdStore?: number | undefined;
  /** `FileDescriptorStorePreserve=yes`: the store outlasts `stop()` until the next `start()`. Default: false. */
  readonly fdStorePreserve?: boolean | undefined;
  /** `TimeoutStartSec=`. Default: 4000, because test runners give a test 5 seconds. 0 or Infinity: without end. */
  readonly startTimeout?: number | undefined;
  /** `TimeoutStopSec=`, from SIGTERM to SIGKILL. Default: 4000. 0 or Infinity: without end. */
  readonly stopTimeout?: number | undefined;
  /**
   * `TimeoutAbortSec=`, from the watchdog's SIGABRT to SIGKILL. Default: the same as `stopTimeout`. 0 or Infinity:
   * without end.
   */
  readonly abortTimeout?: number | undefined;
  /** `Restart=`. Default: `no`, so that a test sees the failure. */
  readonly restart?: Restart | undefined;
  /** `RestartSec=`. Default: 100. */
  readonly restartDelay?: number | undefined;
  /**
   * `StartLimitBurst=`: how many starts there may be in 10 seconds, or in the `StartLimitIntervalSec=` of the unit
   * file. One that is too many fails, also if `restart()` asks for it. 0: no limit. Default: 5, as under systemd.
   */
  readonly startLimitBurst?: number | undefined;
  /** `KillSignal=`. Default: SIGTERM. */
  readonly killSignal?: NodeJS.Signals | undefined;
  /** `KillMode=`. Default: `control-group`. */
  readonly killMode?: KillMode | undefined;
  /** `ReloadSignal=`, of Type=notify-reload. Default: SIGHUP. */
  readonly reloadSignal?: NodeJS.Signals | undefined;
  /** `SuccessExitStatus=`: exit codes, and names of signals. Default: none beside 0, SIGTERM and the like. */
  readonly successExitStatus?: readonly (number | NodeJS.Signals)[] | undefined;
  /** The release of systemd whose rules apply, from 252 on. Default: the newest one that is known. */
  readonly systemd?: number | undefined;
  /**
   * The test that the unit is for: `t` of node:test, the context of vitest. `stop()` is called at the end of the test,
   * and the test fails when that rejects. The `signal` is that of the test.
   */
  readonly test?: TestContext | undefined;
  /**
   * Ends the unit by force when it aborts: `t.signal` of node:test, `signal` of a vitest test. Default: that of `test`.
   */
  readonly signal?: AbortSignal | undefined;
  /** False: `stop()` resolves in spite of problems, and of a failure before it was called. Default: true. */
  readonly strict?: boolean | undefined;
}

/** The sockets that the options wish for. */
export function socketsOf(
  wishes: NonNullable<UnitOptions['sockets']>,
  folder: SocketFolder,
): SocketDescription[] {
  return Object.entries(wishes).flatMap(([name, wish]) =>
    [wish].flat().map((text): SocketDescription => {
      if (typeof text !== 'string')
        throw invalidType(`options.sockets.${name}`, "an address, such as 'tcp' or '8080'", text);
      return { name, ...addressIn(name, text, folder) };
    }),
  );
}

/** The address of a socket by its text. An error names the socket, because a unit may have many. */
function addressIn(name: string, text: string, folder: SocketFolder) {
  try {
    return parseAddress(text, folder.place(name));
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code !== 'ERR_INVALID_ARG_VALUE') throw error;
    throw Object.assign(new TypeError(`options.sockets.${name}: ${message}`), { code });
  }
}

/** What a unit has that neither a file nor an option says otherwise. */
const DEFAULTS = {
  type: 'notify',
  startTimeout: 4000,
  stopTimeout: 4000,
} as const satisfies Partial<UnitDescription>;

/** 0 switches a timeout off, as in a unit file (config_parse_service_timeout() of systemd). */
const timeoutOf = (milliseconds: number | undefined) =>
  milliseconds === 0 ? Number.POSITIVE_INFINITY : milliseconds;

const withoutUndefined = (env: Readonly<Record<string, string | undefined>>) =>
  Object.fromEntries(Object.entries(env).filter(([, text]) => text !== undefined));

/** The settings that the options name, in the words of a unit's description. */
function namedSettings(options: UnitOptions): Partial<UnitDescription> {
  const { input, fdStorePreserve, successExitStatus: success } = options;
  const named: Partial<Record<keyof UnitDescription, unknown>> = {
    systemd: options.systemd,
    type: options.type,
    lazy: options.lazy,
    accept: options.accept,
    maxConnections: options.maxConnections,
    input: input === undefined || input === 'null' || input === 'socket' ? input : { file: input },
    environment: options.env && withoutUndefined(options.env),
    directory: options.cwd,
    notifyAccess: options.notifyAccess,
    watchdogTimeout: options.watchdog,
    fdStoreMax: options.fdStore,
    fdStorePreserve:
      fdStorePreserve === undefined ? undefined : fdStorePreserve ? 'yes' : 'restart',
    startTimeout: timeoutOf(options.startTimeout),
    stopTimeout: timeoutOf(options.stopTimeout),
    abortTimeout: timeoutOf(options.abortTimeout),
    restart: options.restart,
    restartDelay: options.restartDelay,
    killSignal: options.killSignal,
    killMode: options.killMode,
    reloadSignal: options.reloadSignal,
    successExitStatus: success && {
      codes: success.filter((one) => typeof one === 'number'),
      signals: success.filter((one) => typeof one === 'string'),
    },
  };
  return Object.fromEntries(
    Object.entries(named).filter(([, value]) => value !== undefined),
  ) as Partial<UnitDescription>;
}

/**
 * The settings of a unit: the kit's defaults, then those of its files, then the options.
 *
 * @param file - what the unit's files say, if there are any
 */
export function settingsOf(
  options: UnitOptions,
  file: Partial<UnitDescription> = {},
): Partial<UnitDescription> {
  const named = namedSettings(options);
  const environment = { ...file.environment, ...named.environment };
  const { startLimitBurst: burst } = options;
  const interval = file.startLimit?.interval ?? 10_000;
  const startLimit = burst === undefined ? {} : { startLimit: { burst, interval } };
  // A program that serves one connection has seldom something to notify.
  const defaults = named.accept ? { ...DEFAULTS, type: 'exec' as const } : DEFAULTS;
  return { ...defaults, ...file, ...named, ...startLimit, environment };
}
