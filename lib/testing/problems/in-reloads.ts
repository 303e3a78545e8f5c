// The problem of a process that has no handler for the signal of a reload.
import { os } from '../../base/lazy-builtins.ts';
import type { Exec, UnitDescription } from '../../manager/description.ts';
import type { Problem } from './codes.ts';

/** The signal that `kill -HUP PID`, `kill -s HUP PID` or `kill -1 PID` sends; undefined for another command. */
function signalOfKill({ argv }: Exec): NodeJS.Signals | undefined {
  const words = argv.join(' ');
  const [, name = ''] =
    /(?:^|[\s/;&])kill\s+(?:-s\s+|-n\s+|--signal[=\s]|-)(?:SIG)?(\w+)/.exec(words) ?? [];
  const { signals } = os().constants;
  const known = Object.entries(signals) as [NodeJS.Signals, number][];
  return known.find(
    ([one, number]) => one === `SIG${name.toUpperCase()}` || String(number) === name,
  )?.[0];
}

/** The signal by which a reload tells the main process, as far as the unit says it. */
export function signalOfReload({ type, reload, reloadSignal }: UnitDescription) {
  if (type === 'notify-reload') return reloadSignal;
  return reload.map(signalOfKill).find((signal) => signal !== undefined);
}

/** @param when - such as `at READY=1` */
export function deafProblem(
  { type }: UnitDescription,
  signal: NodeJS.Signals,
  when: string,
): Problem {
  const isNotify = type === 'notify-reload';
  const asks = isNotify
    ? 'which asks a service of Type=notify-reload to reload'
    : 'which ExecReload= sends';
  return {
    code: 'sighup-not-handled',
    message: `${when} the process had no handler for ${signal}, ${asks}`,
    hint: `Handle ${signal} before READY=1 (process.on('${signal}', …)), or ${isNotify ? 'use Type=notify' : 'leave ExecReload= out'}`,
  };
}
