// Descriptors that were passed without saying to whom.
import { printable } from '../base/printable.ts';

/**
 * What to do about LISTEN_FDS without LISTEN_PID; undefined where that is not what came. sd_listen_fds(3)
 * takes none then, because any process could have inherited the variable.
 */
export function explainMissingPid(): string | undefined {
  const { LISTEN_FDS, LISTEN_PID } = process.env;
  if (!LISTEN_FDS || LISTEN_PID) return undefined;
  return `LISTEN_FDS=${printable(LISTEN_FDS)} is set without LISTEN_PID, which says for which process the descriptors are (watchexec and "systemfd --no-pid" leave it out): if they are for this one, start it by sh -c 'LISTEN_PID=$$ exec node server.mjs'`;
}
