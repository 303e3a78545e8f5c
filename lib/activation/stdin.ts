// Standard input, where the service manager has passed a socket as that (StandardInput=socket).
import { fs } from '../base/lazy-builtins.ts';

export const STDIN = 0;

/** By Node, so that a process with nothing to do need not load the add-on. */
export function isStdinSocket(): boolean {
  try {
    return process.platform === 'linux' && fs().fstatSync(STDIN).isSocket();
  } catch {
    return false; // it is closed
  }
}

/** Closes the standard streams that are the socket of standard input. */
function closeStdin(): void {
  const { dev, ino } = fs().fstatSync(STDIN);
  for (const fd of [2, 1, STDIN]) {
    const stat = fs().fstatSync(fd);
    if (stat.dev === dev && stat.ino === ino) fs().closeSync(fd);
  }
}

/**
 * For a cluster worker that accepts from standard input. At its end Node gives the standard streams the
 * flags back that they had at its start, and these belong to the socket, not to the process: accept(2) would
 * block in the other workers, and they would hang. Node leaves out a stream that is closed by then.
 */
export function keepStdinNonBlocking(): void {
  process.once('exit', () => {
    try {
      closeStdin();
    } catch {
      // The program has closed one of them.
    }
  });
}
