// Processes that a daemon of a test may have left.
import { readdirSync, readFileSync } from 'node:fs';

/** The pids of all processes that were started with this variable MARK, also of those that have left their group. */
export function marked(mark: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        const variables = readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0');
        return variables.includes(`MARK=${mark}`) && isRunning(pid);
      } catch {
        return false;
      }
    });
}

/** True for a process that exists and is no zombie: in a container nobody may wait for those of another parent. */
export function isRunning(pid: number): boolean {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return false;
  }
}
