// Standard input as a socket that the service manager has passed (StandardInput=socket).
import { fs } from '../base/lazy-builtins.ts';
import {
  type Descriptor,
  type InheritedDescriptor,
  inspect,
  inspectNamed,
} from '../descriptor/inspect.ts';
import { isConnection, isForServers } from '../descriptor/predicates.ts';
import { isWorker } from './cluster/worker.ts';

export const STDIN = 0;

/** systemd gives standard input no name. */
const STDIN_NAME = 'stdin';

/** Asks node:fs, because a process without passed descriptors must not need the add-on. */
function isStdinSocket(): boolean {
  try {
    return process.platform === 'linux' && fs().fstatSync(STDIN).isSocket();
  } catch {
    return false; // it is closed
  }
}

/**
 * True when the manager has started this process, or its cluster primary, with this standard input. Another
 * child of the service inherits standard input too, but the socket is not for that child.
 */
function isStdinForThisProcess(): boolean {
  const { SYSTEMD_EXEC_PID: pid } = process.env;
  return pid === undefined || Number(pid) === (isWorker() ? process.ppid : process.pid);
}

/** Standard input, if it is a socket for servers (Accept=no). */
export function listenerOnStdin(): InheritedDescriptor | undefined {
  if (!isStdinSocket() || !isStdinForThisProcess()) return undefined;
  const descriptor = inspectNamed(STDIN, STDIN_NAME);
  return isForServers(descriptor) ? descriptor : undefined;
}

/** True for the connection of a client. A Unix socket without a name is one end of a socketpair(2) of some parent. */
function isFromClient(descriptor: Descriptor): boolean {
  if (descriptor.kind !== 'socket' || !isConnection(descriptor)) return false;
  const { localAddress: local } = descriptor;
  return (
    local.family !== 'unix' || Object.hasOwn(local, 'path') || Object.hasOwn(local, 'abstract')
  );
}

/** Standard input, if it is the connection of a client (Accept=yes). */
export function connectionOnStdin(): Descriptor | undefined {
  if (!isStdinSocket()) return undefined;
  const descriptor = inspect(STDIN);
  return isFromClient(descriptor) ? descriptor : undefined;
}

/** Closes standard input, and the other standard streams that are the same socket. */
function closeStdin(): void {
  const { dev, ino } = fs().fstatSync(STDIN);
  for (const fd of [2, 1, STDIN]) {
    const stat = fs().fstatSync(fd);
    if (stat.dev === dev && stat.ino === ino) fs().closeSync(fd);
  }
}

/**
 * Closes standard input when the process exits. A cluster worker that accepts from standard input needs this: when a
 * process ends, Node sets the flags of its standard streams back to what they were at its start. These flags belong to
 * the socket, not to the process, so accept(2) would block in the other workers. Node leaves out a stream that is
 * closed.
 */
export function closeStdinAtExit(): void {
  process.once('exit', () => {
    try {
      closeStdin();
    } catch {
      // The program has closed one of them.
    }
  });
}
