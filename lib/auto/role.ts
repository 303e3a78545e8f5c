// The role of this process or thread: which part of a service it is, if any.
import { isWorker } from '../activation/cluster/worker.ts';
import { isMainThread } from '../base/main-thread.ts';
import { MAIN_PID } from './concern.ts';

/** In a cluster worker that the program has forked: the pid of its primary. */
const PRIMARY_PID = 'LIBSYSTEMD_AUTO_PRIMARY';

export type Role =
  /** The process that systemd has started: the sockets and the notifications are its own. */
  | 'main'
  /** A cluster worker of the main process: it drains by itself, and the main process notifies the manager. */
  | 'worker'
  /** A worker thread of the main process: it drains by itself, and the main thread notifies the manager. */
  | 'thread'
  /** Any other descendant of the process that systemd has started. Nothing is done, but a failure is explained. */
  | 'descendant';

/** The role in a process for which {@link isConcerned} is true. */
export function findRole(): Role {
  const { LISTEN_PID, SYSTEMD_EXEC_PID, [MAIN_PID]: main, [PRIMARY_PID]: primary } = process.env;
  const pid = String(process.pid);
  if (!isMainThread()) return main === pid ? 'thread' : 'descendant';
  if (primary !== undefined && primary === String(process.ppid) && isWorker()) return 'worker';
  // The main process may have replaced its program by exec(), which keeps the pid.
  if (LISTEN_PID === pid || main === pid) return 'main';
  // Every descendant inherits these variables. systemd sets SYSTEMD_EXEC_PID from version 248 on.
  if (main || LISTEN_PID) return 'descendant';
  return SYSTEMD_EXEC_PID === undefined || SYSTEMD_EXEC_PID === pid ? 'main' : 'descendant';
}

/** In the main process: lets every descendant know that it is one. */
export function markMain(): void {
  process.env[MAIN_PID] = String(process.pid);
}

/** The environment of a cluster worker of this process. */
export function environmentOfWorker(): Record<string, string> {
  return { [PRIMARY_PID]: String(process.pid) };
}
