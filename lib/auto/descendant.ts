// A process that descends from the one that systemd has started, such as the program behind `npm start`: the sockets
// are not for it. Its own attempt to listen on their addresses fails, and the error alone does not say why.

import type { Server } from 'node:net';
import { fs, net } from '../base/lazy-builtins.ts';
import { escapeUnambiguously } from '../base/printable.ts';
import { warnAtExit } from '../base/warn.ts';
import { MAIN_PID } from './concern.ts';
import type { Listen2 } from './take-over.ts';

function commandOf(pid: string): string {
  try {
    const command = fs().readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').join(' ').trim();
    return ` (${escapeUnambiguously(command.slice(0, 80))})`;
  } catch {
    return '';
  }
}

function explain(): string {
  const { LISTEN_PID, SYSTEMD_EXEC_PID, [MAIN_PID]: main } = process.env;
  const pid = main ?? LISTEN_PID ?? SYSTEMD_EXEC_PID ?? '?';
  return `systemd has started process ${pid}${commandOf(pid)}, and its sockets are for that process. This one (${process.pid}) only descends from it: write ExecStart=node --import libsystemd/auto app.js into the unit, with no other program in between`;
}

/** Adds an explanation to the error of a server whose address is in use. */
export function explainFailures(): void {
  const { prototype } = net().Server as unknown as { prototype: { _listen2: Listen2 } };
  const { _listen2: listen2 } = prototype;
  const { errorMonitor } = process.getBuiltinModule('node:events');
  const watched = new WeakSet<Server>();
  // At once, because the error most often ends the process.
  const onError = ({ code }: NodeJS.ErrnoException) => {
    if (code === 'EADDRINUSE') warnAtExit(explain(), { code: 'ERR_SYSTEMD_NOT_ACTIVATED' });
  };
  prototype._listen2 = function (...args) {
    // Not by 'error': a listener of that event would keep the error from ending the process.
    if (!watched.has(this)) this.on(errorMonitor as unknown as 'error', onError);
    watched.add(this);
    listen2.apply(this, args);
  };
}
