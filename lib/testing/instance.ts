// The services of connections (Accept=yes), as a test sees them.
import type { Result } from '../manager/exit.ts';
import type { Instance as ManagedInstance } from '../manager/instance.ts';
import type { ActiveState, SubState } from '../manager/states.ts';

/** The service of one connection, at the moment when it was asked for. */
export interface Instance {
  /** With the number of its connection and both addresses: `app@0-127.0.0.1:8080-127.0.0.1:41234.service`. */
  readonly name: string;
  readonly state: ActiveState;
  readonly subState: SubState;
  /** Why it has failed, in systemd's words; `success` as long as it has not. */
  readonly result: Result;
  /** The pid of its main process. Absent when none runs. */
  readonly mainPid?: number;
  /** The last STATUS=. */
  readonly status?: string;
  /** How its main process ended. Absent while it runs, and when it was not started. */
  readonly exit?: { readonly code: number | null; readonly signal: NodeJS.Signals | null };
}

export function describeInstance({ description, service }: ManagedInstance): Instance {
  const { state, subState, result, mainPid, status } = service.rules;
  const exit = service.lastMain?.exit;
  return Object.freeze({
    name: description.name,
    state,
    subState,
    result,
    ...(mainPid !== undefined && { mainPid }),
    ...(status !== undefined && { status }),
    ...(exit !== undefined && { exit: { code: exit.code, signal: exit.signal } }),
  });
}
