// Explains why passed descriptors are not for this process: which process they are for, and what to change.
import { fs } from '../base/lazy-builtins.ts';
import { escapeUnambiguously } from '../base/printable.ts';
import { activation } from './activation.ts';

interface ProcessStat {
  readonly name: string;
  readonly parent: number;
}

/** The name and parent of a process by proc(5); undefined when it has ended or /proc is not mounted. */
function statOf(pid: number): ProcessStat | undefined {
  try {
    // "pid (name) state ppid …", where the name may contain anything, parentheses too.
    const text = fs().readFileSync(`/proc/${pid}/stat`, 'utf8');
    const end = text.lastIndexOf(')');
    return {
      name: text.slice(text.indexOf('(') + 1, end),
      parent: Number(text.slice(end + 4).split(' ')[0]),
    };
  } catch {
    return undefined;
  }
}

/** The name of an ancestor of this process; undefined when the process of this pid is none. */
function nameOfAncestor(pid: number): string | undefined {
  for (let at = process.ppid; at > 0; ) {
    const stat = statOf(at);
    if (stat === undefined || at === pid) return stat?.name;
    at = stat.parent;
  }
  return undefined;
}

function explainOtherPid(pid: number): string {
  const name = nameOfAncestor(pid);
  if (name === undefined)
    return `LISTEN_PID names process ${pid}, and this is process ${process.pid}: the descriptors are not for this one`;
  return `The descriptors were passed to process ${pid} (${escapeUnambiguously(name)}), from which this process (${process.pid}) descends: start node from the unit itself, or by exec, with neither npm nor a shell in between`;
}

/** Without LISTEN_PID sd_listen_fds(3) takes no descriptors: any process may have inherited LISTEN_FDS. */
function explainMissingPid(): string | undefined {
  const { LISTEN_FDS, LISTEN_PID } = process.env;
  if (!LISTEN_FDS || LISTEN_PID) return undefined;
  return `LISTEN_FDS=${escapeUnambiguously(LISTEN_FDS)} is set without LISTEN_PID, which says for which process the descriptors are (watchexec and "systemfd --no-pid" leave it out): if they are for this one, start it by sh -c 'LISTEN_PID=$$ exec node server.mjs'`;
}

/**
 * Explains why passed descriptors are not for this process, and what to change. Returns
 * - a text: LISTEN_PID names another process
 * - a text: LISTEN_FDS is set, and LISTEN_PID is not
 * - undefined: no descriptors were passed, or they are for this process
 */
export function explainNotOurs(): string | undefined {
  const { meantFor } = activation();
  return meantFor === undefined ? explainMissingPid() : explainOtherPid(meantFor);
}
