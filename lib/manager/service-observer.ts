// What happens to a service, as its owner is told of it.
import type { Judgement } from './notification.ts';
import type { ProcessFacts } from './proc.ts';
import type { ActiveState, SubState } from './states.ts';
import type { ProcessExit, ReceivedMessage } from './world.ts';

/** A service before one of its messages. */
export interface BeforeMessage {
  readonly state: ActiveState;
  readonly mainPid: number | undefined;
  /** How many descriptors were stored. */
  readonly stored: number;
}

/** What happens to a service, as its owner is told of it. */
export interface ServiceObserver {
  /** A message came, and the rules have judged it. */
  message(message: ReceivedMessage, judgement: Judgement, before: BeforeMessage): void;
  /** The program wrote this to its standard output or standard error. */
  wrote(text: string, stream: 'stdout' | 'stderr'): void;
  /** The main process has ended in this state, and these processes are left. */
  mainEnded(state: SubState, exit: ProcessExit, left: readonly ProcessFacts[]): void;
  /** Anything that can be read from the rules may have changed. */
  changed(): void;
}

/** The observer of a service whose unit acts on a change itself, before its own observer is told of it. */
export function actingFirst(act: () => void, observer: ServiceObserver): ServiceObserver {
  return {
    message: (...all) => observer.message(...all),
    wrote: (...all) => observer.wrote(...all),
    mainEnded: (...all) => observer.mainEnded(...all),
    changed: () => {
      act();
      observer.changed();
    },
  };
}
