// What comes after the program of a unit has ended.
import type { Result } from '../../manager/exit.ts';
import type { ManagedUnit } from '../../manager/managed-unit.ts';
import type { Next } from './events.ts';

/** True: nothing of the unit runs. */
export function isSettled({ service }: Pick<ManagedUnit, 'service'>): boolean {
  const { isAtRest, subState } = service.rules;
  return isAtRest || subState === 'auto-restart';
}

/**
 * What comes next, unless the launcher ends with the program.
 *
 * @param watchesFiles - whether a change can start the program again
 */
export function nextOf({ service, sockets }: ManagedUnit, watchesFiles: boolean): Next {
  const { state, subState } = service.rules;
  if (subState === 'auto-restart') return 'restart';
  if (state === 'inactive' && sockets.length > 0) return 'connection';
  return watchesFiles ? 'change' : 'end';
}

/** Why nothing will start the program again; undefined when something may. */
export function whyGivenUp(unit: ManagedUnit, awaited: Next | undefined): string | undefined {
  const { state, result } = unit.service.rules;
  if (awaited === 'change') return undefined;
  if (result === 'start-limit-hit') return 'it was started too often (StartLimitBurst=)';
  if (state === 'failed') return `it did not start (${result})`;
  const isDeaf = awaited === 'connection' && !unit.isListening;
  return state === 'inactive' && isDeaf ? WHY_DEAF[unit.socketResult] : undefined;
}

/** Why no client starts the program any more, by the result of its sockets. */
const WHY_DEAF: Readonly<Partial<Record<Result, string>>> = {
  'trigger-limit-hit':
    'connections have started it too often, and it took none of them (TriggerLimitBurst=)',
  resources:
    'its sockets cannot be waited for: one is a regular file, or no descriptor is left to this process',
};
