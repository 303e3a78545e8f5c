// unitOf() and peerUnit(): which unit a process belongs to, as the kernel tells by its cgroup.
import type { Socket } from 'node:net';
import { native } from '../addon/exports.ts';
import { EINVAL, ENODATA, ENOPROTOOPT, ESRCH } from '../base/errno.ts';
import { resultOrThrow } from '../base/errors.ts';
import { fs } from '../base/lazy-builtins.ts';
import { type OptionNames, takeOptions } from '../base/options.ts';
import { invalidValue, validateInteger } from '../base/validate.ts';
import { fdOf } from '../descriptor/node-handles.ts';
import { type PeerCredentials, peerCredentials } from '../descriptor/peer-credentials.ts';
import { peerPidfd } from '../descriptor/socket-options.ts';
import { pidOfPidfd } from '../manager/proc.ts';
import { fromRootOf, unitInPath } from './unit-path.ts';

/** Options of {@link unitOf} and {@link peerUnit}. */
export interface UnitOfOptions {
  /**
   * Whose unit: that of the `system`'s manager, or that of a `user`'s own manager (`systemctl --user`), which itself is
   * the unit user@UID.service of the system. A user names the units of the own manager at will. Default `system`.
   */
  readonly manager?: 'system' | 'user' | undefined;
}

type Manager = NonNullable<UnitOfOptions['manager']>;

const OPTIONS: OptionNames<UnitOfOptions> = { manager: true };

function checkOptions(options: UnitOfOptions, call: string): Manager {
  const { manager = 'system' } = takeOptions(options, OPTIONS, call);
  if (manager === 'system' || manager === 'user') return manager;
  throw invalidValue('options.manager', "'system' or 'user'", manager);
}

/** A file of /proc/PID; undefined when there is no such process, or it is hidden from this one. */
function readProc(pid: number | 'self', file: string): string | undefined {
  try {
    return fs().readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (['ENOENT', 'ESRCH', 'EACCES', 'EPERM'].includes(code)) return undefined;
    throw error;
  }
}

/** The hierarchies that a manager may use: version 2, and an own one beside those of version 1. */
const HIERARCHIES = [/^0::(.*)$/m, /^\d+:name=systemd:(.*)$/m];

/** The cgroup of a process, by the text of its /proc/PID/cgroup. */
function cgroupIn(lines: string, hierarchy: RegExp): string {
  const [, path = ''] = hierarchy.exec(lines) ?? [];
  // The cgroup of a process that has ended may be deleted before the process is waited for.
  return path.replace(/ \(deleted\)$/, '');
}

function findUnit(pid: number | 'self', manager: Manager): string | undefined {
  const lines = readProc(pid, 'cgroup') ?? '';
  const managersLines = readProc(1, 'cgroup') ?? '';
  for (const hierarchy of HIERARCHIES) {
    const path = cgroupIn(lines, hierarchy);
    const unit = unitInPath(fromRootOf(cgroupIn(managersLines, hierarchy), path), manager);
    if (unit !== undefined) return unit;
  }
  return undefined;
}

function effectiveUid(pid: number): number | undefined {
  const [, uid] = /^Uid:\s+\d+\s+(\d+)/m.exec(readProc(pid, 'status') ?? '') ?? [];
  return uid === undefined ? undefined : Number(uid);
}

/**
 * Before Linux 6.5: the peer may have ended, and another process may have its pid. Then it has another unit most often,
 * and so another user, too.
 */
function unitByPid({ pid, uid }: PeerCredentials, manager: Manager): string | undefined {
  if (pid === 0) return undefined;
  const unit = findUnit(pid, manager);
  return effectiveUid(pid) === uid ? unit : undefined;
}

/** The pidfd tells after the look, too, that the process has the pid, so the look was at no other process. */
function unitByPidfd(pidfd: number, manager: Manager): string | undefined {
  const pid = pidOfPidfd(pidfd);
  if (pid === undefined || pid === 0) return undefined; // it has ended, or is of another PID namespace
  const unit = findUnit(pid, manager);
  return pidOfPidfd(pidfd) === pid ? unit : undefined;
}

/** No process: it has ended and was waited for, or the kernel has kept none. */
const GONE = [-ESRCH, -EINVAL, -ENODATA];

/**
 * Returns the unit that a process belongs to, such as `web.service`, `worker@3.service` or `session-2.scope`.
 *
 * The kernel vouches for the result: only root, and who was given a part of the tree of cgroups (Delegate=), can put a
 * process into another cgroup. But a pid may belong to another process soon; for a client use {@link peerUnit}.
 *
 * @param pid - a process id, or `self` for this process
 * @param options - `manager`: the system's (default), or a user's own
 * @returns undefined when the process is in no unit, such as a thread of the kernel, or a process of a machine or
 * container without systemd; when there is no such process; when it is hidden from this one, by ProtectProc= of this
 * unit
 * @throws TypeError ERR_INVALID_ARG_TYPE when `pid` is neither a number nor `self`
 * @throws RangeError ERR_OUT_OF_RANGE when it is no number of a process
 * @see sd_pid_get_unit(3), sd_pid_get_user_unit(3); proc_pid_cgroup(5)
 */
export function unitOf(pid: number | 'self', options: UnitOfOptions = {}): string | undefined {
  const manager = checkOptions(options, 'unitOf()');
  if (pid !== 'self') validateInteger('pid', pid, 1, 0x7fff_ffff);
  return findUnit(pid, manager);
}

/**
 * Returns the unit of the process at the other end of a connected Unix socket, so that a daemon can decide by it whom
 * it serves. Who that process is, and when, {@link peerCredentials} says; it must still run.
 *
 * From Linux 6.5 on (SO_PEERPIDFD) the result is never that of another process that has got the same pid since. Before,
 * the user is compared, as far as that tells.
 *
 * @param socket - an open net.Socket, an object with a descriptor as its `fd`, or a descriptor's number
 * @param options - `manager`: the system's (default), or a user's own
 * @returns undefined when the process has ended, is in no unit, or is hidden from this one, by ProtectProc= of this
 * unit or by a PID namespace
 * @throws SystemdError, TypeError and RangeError as peerCredentials() of `libsystemd`
 * @see sd_peer_get_unit(3); unix(7), SO_PEERPIDFD
 */
export function peerUnit(
  socket: Socket | number | { readonly fd: number },
  options: UnitOfOptions = {},
): string | undefined {
  const manager = checkOptions(options, 'peerUnit()');
  const fd = fdOf('socket', socket);
  const credentials = peerCredentials(fd);
  const pidfd = peerPidfd(fd);
  if (pidfd === -ENOPROTOOPT) return unitByPid(credentials, manager);
  if (GONE.includes(pidfd)) return undefined;
  resultOrThrow(pidfd, 'getsockopt', fd);
  try {
    return unitByPidfd(pidfd, manager);
  } finally {
    native().close(pidfd);
  }
}
