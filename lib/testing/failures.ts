// The failures of a unit, and which of them its test knows.
import type { Result } from '../manager/exit.ts';
import type { ManagedUnit } from '../manager/managed-unit.ts';

/** Something that has failed. */
interface Failed {
  readonly result: Result;
  /** What tells it from another failure of the same service: its main process. */
  readonly key: object;
}

export class Failures {
  readonly #unit: ManagedUnit;
  /** The keys of the failures that the test knows. */
  readonly #known = new WeakSet<object>();

  constructor(unit: ManagedUnit) {
    this.#unit = unit;
  }

  /** What has failed by now: the service, the services of connections, the sockets. */
  get #all(): readonly Failed[] {
    const { services, socketResult } = this.#unit;
    const failed = services.map((one) => ({ result: one.rules.result, key: one.lastMain ?? one }));
    const sockets = { result: socketResult, key: this.#unit };
    return [...failed, sockets].filter(({ result }) => result !== 'success');
  }

  get areNone(): boolean {
    return this.#all.length === 0;
  }

  /** The result of a failure that the test does not know: it has not waited for it, and no call has told of it. */
  get unknown(): Result | undefined {
    return this.#all.find(({ key }) => !this.#known.has(key))?.result;
  }

  /** The test has been told how the unit is now. */
  noteKnown(): void {
    for (const { key } of this.#all) this.#known.add(key);
  }
}
