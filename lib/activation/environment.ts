// Reads LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES once, by libsystemd, and removes them from the environment.
//
// For the variables of a cluster primary, see cluster/inspect-primary.ts.
import { native } from '../addon/exports.ts';
import { explain, resultOrThrow, SystemdError } from '../base/errors.ts';
import { descriptorsIn, type InheritedDescriptor } from '../descriptor/inspect.ts';
import { recordsOf } from '../descriptor/records.ts';
import { SD_LISTEN_FDS_START } from '../sd/constants.ts';
import { sd_listen_fds_with_names } from '../sd/sd-daemon.ts';
import { shareListWithThreads } from './thread-list.ts';

const VARIABLES = ['LISTEN_PID', 'LISTEN_PIDFDID', 'LISTEN_FDS', 'LISTEN_FDNAMES'] as const;

/** What the variables must be when libsystemd refuses them with EBADF. */
const ALL_OPEN = `LISTEN_FDS must be the number of descriptors that are open from fd ${SD_LISTEN_FDS_START} on`;

/** The largest pid_t. */
const LARGEST_PID = 0x7fff_ffff;

/** The descriptors that the variables name. */
export interface Passed {
  readonly descriptors: readonly InheritedDescriptor[];
  /** The pid in LISTEN_PID, only when it is another process's. */
  readonly meantFor?: number;
}

/** The variables are malformed, and every call throws this error. */
export interface Malformed {
  readonly error: unknown;
}

/** True when LISTEN_PID is the pid of this process, written as the manager writes it. */
export function isMeantForThisProcess(): boolean {
  return process.platform === 'linux' && process.env.LISTEN_PID === String(process.pid);
}

/** The pid of another process in LISTEN_PID; undefined for this process's, and for a text that is no pid. */
function pidOfOtherProcess(): number | undefined {
  if (isMeantForThisProcess()) return undefined;
  const { LISTEN_PID = '' } = process.env;
  const pid = /^[1-9]\d{0,9}$/.test(LISTEN_PID) ? Number(LISTEN_PID) : Number.NaN;
  return pid <= LARGEST_PID && pid !== process.pid ? pid : undefined;
}

/** `LISTEN_PID='1' LISTEN_FDS='x'`, for an error that shows what is wrong. */
function variablesAsText(): string {
  const set = VARIABLES.filter((name) => process.env[name] !== undefined);
  return set.map((name) => `${name}='${process.env[name]}'`).join(' ');
}

/** True when libsystemd has refused the variables; false for any other error, such as no libsystemd. */
function isRefusal(error: unknown): boolean {
  if (!(error instanceof SystemdError)) return false;
  return error.syscall === 'sd_listen_fds_with_names' && error.errno !== undefined;
}

function malformed(error: unknown): Malformed {
  const expected =
    'LISTEN_PID and LISTEN_FDS must be numbers above 0, and LISTEN_FDNAMES must hold LISTEN_FDS names with a colon between two of them';
  const advice = (error as SystemdError).code === 'EBADF' ? ALL_OPEN : expected;
  return { error: explain(error, {}, `with ${variablesAsText()}: ${advice}`) };
}

/** Inspects the descriptors of these names, and shares the list with worker threads. */
function inspectAll(names: readonly string[]): readonly InheritedDescriptor[] {
  if (names.length === 0) return [];
  const records = recordsOf(SD_LISTEN_FDS_START, names.length);
  const descriptors = descriptorsIn(records, names);
  shareListWithThreads(names, records);
  return descriptors;
}

/**
 * False when LISTEN_PIDFDID names another process than this one, which happens when this process has its pid, for
 * example in another PID namespace. libsystemd checks the variable from version 259 on.
 */
function isOwnPidFdId(): boolean {
  const { LISTEN_PIDFDID } = process.env;
  if (LISTEN_PIDFDID === undefined) return true;
  return resultOrThrow(native().is_own_pidfdid(LISTEN_PIDFDID), 'sd_listen_fds_with_names') > 0;
}

function readVariables(): Passed | Malformed {
  try {
    const names = sd_listen_fds_with_names();
    if (names.length > 0 && !isOwnPidFdId()) return { descriptors: [] };
    return { descriptors: inspectAll(names) };
  } catch (error) {
    if (isRefusal(error)) return malformed(error);
    throw error;
  }
}

/**
 * Reads the variables, inspects the descriptors, and shares the list with worker threads. Returns
 * - the descriptors of this process
 * - no descriptors, and `meantFor`: they are another process's, and libsystemd is not loaded
 * - `error`: libsystemd has refused the variables
 *
 * Throws when a later call may succeed: when libsystemd can't be loaded, or no descriptor is left.
 */
export function readEnvironment(): Passed | Malformed {
  const meantFor = pidOfOtherProcess();
  return meantFor === undefined ? readVariables() : { descriptors: [], meantFor };
}

/**
 * Removes the variables, so that child processes do not see them. libsystemd's unsetenv(3) is not safe
 * beside other threads that read the environment; Node guards process.env against them.
 */
export function unsetVariables(): void {
  for (const name of VARIABLES) delete process.env[name];
}
