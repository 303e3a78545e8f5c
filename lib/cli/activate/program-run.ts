// One run of the program, from its start to its end, as it is told.
import { waitsForReady } from '../../manager/description.ts';
import type { ManagedUnit } from '../../manager/managed-unit.ts';
import type { StartedProcess } from '../../manager/started-process.ts';
import type { ActiveState } from '../../manager/states.ts';
import type { Next, Tell } from './events.ts';

/** How long a start may take before the launcher says so, and restarts the program for a change, in milliseconds. */
const PATIENCE = 5000;

/** True once the start is complete, also when the program reloads at once. */
const isActive = (state: ActiveState): boolean => state === 'active' || state === 'reloading';

/** A unit, or the service of a connection. */
export type RunningUnit = Pick<ManagedUnit, 'description' | 'service' | 'sockets'>;

export class ProgramRun {
  readonly process: StartedProcess;
  readonly #unit: RunningUnit;
  readonly #tell: Tell;
  #isReady = false;
  #patience: NodeJS.Timeout | undefined;

  /** @param onSlow - called when the start has taken too long */
  constructor(process: StartedProcess, unit: RunningUnit, tell: Tell, onSlow: () => void) {
    this.process = process;
    this.#unit = unit;
    this.#tell = tell;
    tell({ event: 'started', pid: process.pid, command: process.argv });
    this.#patience = setTimeout(() => {
      this.#patience = undefined;
      if (this.#waitsForReady) tell({ event: 'slow', after: PATIENCE });
      onSlow();
    }, PATIENCE);
  }

  /** True: the start is complete when READY=1 comes, and not, as that of Type=oneshot, when the program has ended. */
  get #waitsForReady(): boolean {
    const { description, service } = this.#unit;
    return waitsForReady(description.type) && service.rules.state === 'activating';
  }

  /** True while the start is under way, and has not taken too long. */
  get isStarting(): boolean {
    return this.#unit.service.rules.state === 'activating' && this.#patience !== undefined;
  }

  /**
   * Tells that the start is complete, once. Returns true when it has just become so.
   *
   * @param away - milliseconds since the program before was told to stop
   */
  tellReadiness(away: number | undefined): boolean {
    const { rules } = this.#unit.service;
    if (this.#isReady || !isActive(rules.state)) return false;
    this.#isReady = true;
    this.close();
    const { pid, startedAt } = this.process;
    this.#tell({
      event: 'ready',
      pid,
      after: Number(this.#unit.service.now() - startedAt) / 1000,
      ...(away !== undefined && { away }),
      ...(rules.status !== undefined && { status: rules.status }),
    });
    return true;
  }

  /** Tells how the program has ended. */
  tellExit(next: Next, waiting: number): void {
    const { pid, exit, failure } = this.process;
    this.close();
    this.#tell({
      event: 'exited',
      pid,
      code: exit?.code ?? null,
      signal: exit?.signal ?? null,
      result: this.#unit.service.rules.result,
      ...(failure !== undefined && { why: failure.message }),
      waiting,
      next,
    });
  }

  /** Waits for nothing any more. */
  close(): void {
    clearTimeout(this.#patience);
    this.#patience = undefined;
  }
}
