// Standard input, where the service manager has passed a socket as that (StandardInput=socket).
import { fs } from './builtin.ts';

export const STDIN = 0;

/** By Node, so that a process with nothing to do need not load the add-on. */
export function isStdinSocket(): boolean {
  try {
    return process.platform === 'linux' && fs().fstatSync(STDIN).isSocket();
  } catch {
    return false; // it is closed
  }
}
