// The job that reloads a unit: `systemctl reload`, and why it has failed.
import type { Message } from '../message.ts';
import { describeEnd } from '../report.ts';
import type { TestedUnit } from '../tested-unit.ts';
import { timeout } from '../text.ts';
import type { Origin } from '../unit-error.ts';

/** How long a process that did not handle the signal of its reload is waited for: it ends by that, in milliseconds. */
const END_TIMEOUT = 1000;

/** Reloads a unit, and waits as `systemctl reload` does. */
export async function reloadUnit(unit: TestedUnit, origin: Origin): Promise<void> {
  const { history, rules } = unit;
  const fail = (what: string) =>
    unit.error(origin, { job: 'reload', what: `did not reload: ${what}` });
  const isDeaf = history.beginReload();
  const { length } = history.messages;
  if (!rules.reload()) throw fail(whyImpossible(unit));
  await unit.wait(() => unit.state !== 'reloading');
  // The command of ExecReload= that has sent the signal may be seen to end before the process does.
  if (isDeaf) await unit.wait(() => rules.state !== 'active', END_TIMEOUT);
  const { reloadResult, state } = rules;
  if (reloadResult === 'success' && state === 'active') return;
  await unit.outputRead();
  if (reloadResult === 'timeout') throw fail(whatWasMissing(unit, history.messages.slice(length)));
  if (reloadResult !== 'success') throw fail(`a command of ExecReload= failed: ${reloadResult}`);
  const { exit } = unit.main ?? {};
  throw fail(exit === undefined ? `it is ${state}` : `it ${describeEnd(exit)}`);
}

function whyImpossible({ managed, state }: TestedUnit): string {
  const { type, reload } = managed.description;
  if (type === 'notify-reload' || reload.length > 0) return `it is ${state}, and not active`;
  return `Type=${type} has no way to reload. Start it with { type: 'notify-reload' }, which sends SIGHUP, or from a unit file with ExecReload=`;
}

/** What a reload that took too long has waited for, by the messages that came since it began. */
function whatWasMissing({ managed }: TestedUnit, messages: readonly Message[]): string {
  const { startTimeout, type, reload } = managed.description;
  const late = `within ${timeout(startTimeout)}`;
  if (type !== 'notify-reload')
    return `ExecReload= (${reload[0]?.argv.join(' ')}) did not end ${late}`;
  const lines = messages.flatMap(({ assignments }) => assignments);
  const reloading = lines.findLast(({ key }) => key === 'RELOADING');
  if (reloading?.outcome === 'taken') return `READY=1 did not come after RELOADING=1 ${late}`;
  if (reloading !== undefined)
    return `RELOADING=1 that counts did not come ${late}, because ${reloading.why ?? `RELOADING=${reloading.value} is not it`}`;
  const alone = lines.some(({ key }) => key === 'READY') ? '; READY=1 alone does not count' : '';
  return `RELOADING=1 with MONOTONIC_USEC= did not come ${late}${alone}`;
}
