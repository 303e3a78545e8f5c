// The launcher of `activate --accept`: each connection starts a program of its own.
import { coalesced } from '../../base/coalesced-call.ts';
import { deferred } from '../../base/deferred.ts';
import type { Instance } from '../../manager/instance.ts';
import { ManagedUnit } from '../../manager/managed-unit.ts';
import type { ServiceObserver } from '../../manager/service-observer.ts';
import type { ProcessExit } from '../../manager/world.ts';
import { keepAlive } from '../../testing/keep-alive.ts';
import type { LauncherOptions } from './launcher.ts';
import { listeningSocket } from './listening.ts';
import { ToldProblems } from './news.ts';
import type { Outcome } from './outcome.ts';
import { ServedConnection } from './served-connection.ts';

/** What has happened when no connection is accepted any more. */
const WHY: Readonly<Record<string, string>> = {
  'trigger-limit-hit': 'connections came too often (TriggerLimitBurst=)',
  resources: 'a connection could not be taken',
};

/** Runs a program for each connection until `stop()` is called. */
export class ConnectionLauncher {
  readonly #options: LauncherOptions;
  readonly #unit: ManagedUnit;
  readonly #told = new ToldProblems();
  readonly #outcome = deferred<Outcome>();
  /** The services whose end was not told. */
  readonly #served = new Set<ServedConnection>();
  #how: Outcome['how'] = 'by-itself';
  #exit: ProcessExit | undefined;
  /** Of the services that have ended since the launcher was told to stop, or of the only one. */
  #result = 'success';
  #hasEnded = false;

  /** Looks once all news is there: a message and the state that it has made come one by one. */
  readonly #changed = coalesced(() => {
    if (!this.#hasEnded) this.#look();
  });

  constructor(options: LauncherOptions) {
    this.#options = options;
    const observer = {
      ...{ message() {}, wrote() {}, mainEnded() {} }, // only the services of connections run
      changed: () => this.#changed(),
      accepted: (instance: Instance) => this.#accepted(instance),
      logged: (line: string) => options.tell({ event: 'log', line }),
    };
    this.#unit = new ManagedUnit(options.describe, observer, options.output);
  }

  /**
   * Opens the sockets, and starts a program for each connection until it is stopped.
   *
   * @throws SystemdError when a socket can't be opened
   */
  run(): Promise<Outcome> {
    try {
      this.#unit.open();
    } catch (error) {
      this.#unit.close();
      throw error;
    }
    // A program for each connection seldom speaks HTTP, so a URL would mislead.
    const sockets = this.#unit.sockets.map(listeningSocket).map(({ url: _, ...socket }) => socket);
    this.#options.tell({ event: 'listening', sockets });
    this.#options.tell({ event: 'waiting', next: 'connection' });
    this.#unit.listen();
    return keepAlive(this.#outcome.promise);
  }

  /** Accepts no more connections, stops the programs as systemd would, and then ends. */
  stop(why: NodeJS.Signals): void {
    this.#how = 'stopped';
    this.#unit.stopListening();
    for (const served of this.#served) served.stop(why);
    this.#changed();
  }

  /** Kills the programs, and ends. */
  kill(): void {
    this.#how = 'killed';
    this.#options.tell({ event: 'killing' });
    this.#end();
  }

  #accepted(instance: Instance): ServiceObserver {
    const { tell, once } = this.#options;
    const served = new ServedConnection(instance, this.#told, tell, () => this.#changed());
    this.#served.add(served);
    if (once) this.#unit.stopListening();
    return served.history;
  }

  #look(): void {
    for (const served of this.#served) if (served.look()) this.#ended(served);
    if (this.#unit.isListening) return;
    if (this.#how === 'by-itself' && !this.#options.once) this.#giveUp();
    if (this.#served.size === 0) this.#end();
  }

  #ended(served: ServedConnection): void {
    this.#served.delete(served);
    this.#exit = served.exit;
    const counts = this.#how === 'stopped' || this.#options.once;
    if (counts && this.#result === 'success') this.#result = served.result;
  }

  #giveUp(): void {
    this.#how = 'given-up';
    const { socketResult } = this.#unit;
    this.#options.tell({ event: 'given-up', why: WHY[socketResult] ?? socketResult });
  }

  /** Leaves nothing behind. */
  #end(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    for (const served of this.#served) served.close();
    this.#unit.close();
    const [exit, result, { count }] = [this.#exit, this.#result, this.#told];
    this.#outcome.resolve({ exit, result, how: this.#how, problems: count });
  }
}
