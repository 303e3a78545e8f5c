// The launcher of `activate`: a unit whose program is started, watched and restarted, while its sockets stay open.
import { coalesced } from '../../base/coalesced-call.ts';
import { deferred } from '../../base/deferred.ts';
import { type Describe, ManagedUnit } from '../../manager/managed-unit.ts';
import { History } from '../../testing/history.ts';
import { keepAlive } from '../../testing/keep-alive.ts';
import { Changes } from './changes.ts';
import type { Next, Tell } from './events.ts';
import { listeningSocket } from './listening.ts';
import { News, ToldProblems } from './news.ts';
import { isSettled, nextOf, whyGivenUp } from './next.ts';
import type { Outcome } from './outcome.ts';
import { Runs } from './runs.ts';
import type { Watched } from './watched-files.ts';

export interface LauncherOptions {
  readonly describe: Describe;
  /** The folders whose changes restart the program; none: changes do not. */
  readonly watched: readonly Watched[];
  /** True: the launcher ends with the program. */
  readonly once: boolean;
  /** The descriptors that take the program's standard output and standard error. */
  readonly output: readonly [stdout: number, stderr: number];
  readonly tell: Tell;
}

/** Runs a unit until its program ends for good, or `stop()` is called. */
export class Launcher {
  readonly #options: LauncherOptions;
  readonly #tell: Tell;
  readonly #history: History;
  readonly #news: News;
  readonly #told = new ToldProblems();
  readonly #unit: ManagedUnit;
  readonly #runs: Runs;
  readonly #outcome = deferred<Outcome>();
  #changes: Changes | undefined;
  /** What will start the program again. */
  #awaited: Next | undefined;
  /** How the launcher ends, as far as that is decided. */
  #how: Outcome['how'] = 'by-itself';
  #hasEnded = false;

  /** Looks at the unit once all of its news is there: a message and the state that it has made come one by one. */
  readonly #changed = coalesced(() => {
    if (!this.#hasEnded) this.#look();
  });

  constructor(options: LauncherOptions) {
    this.#options = options;
    this.#tell = options.tell;
    this.#history = new History(() => this.#changed());
    this.#news = new News(this.#history, this.#told, options.tell);
    this.#unit = new ManagedUnit(options.describe, this.#history, options.output);
    this.#history.attach(this.#unit);
    this.#runs = new Runs(this.#unit, this.#history, options.tell, () => this.#isSlow());
  }

  /**
   * Opens the sockets, starts the program, and waits until the launcher has nothing more to do.
   *
   * @throws SystemdError when a socket can't be opened
   */
  run(): Promise<Outcome> {
    try {
      this.#open();
    } catch (error) {
      this.#changes?.close();
      this.#unit.close();
      throw error;
    }
    return keepAlive(this.#outcome.promise);
  }

  #open(): void {
    this.#unit.open();
    this.#history.opened();
    this.#history.begin();
    const sockets = this.#unit.sockets.map(listeningSocket);
    if (sockets.length > 0) this.#tell({ event: 'listening', sockets });
    const { watched } = this.#options;
    this.#changes = new Changes(watched, this.#tell, (files) => this.#filesChanged(files));
    if (this.#unit.description.lazy) {
      this.#tell({ event: 'waiting', next: 'connection' });
      this.#awaitClient();
    } else this.#unit.service.rules.start();
  }

  /** Stops the program as systemd would, and then ends. */
  stop(why: NodeJS.Signals): void {
    this.#how = 'stopped';
    this.#runs.tellStop(this.#unit.description.killSignal, why);
    this.#unit.service.rules.stop();
    this.#changed();
  }

  /** Kills the program, and ends. */
  kill(): void {
    this.#how = 'killed';
    this.#tell({ event: 'killing' });
    this.#end('signal');
  }

  #filesChanged(files: readonly string[]): void {
    if (this.#how !== 'by-itself') return;
    this.#tell({ event: 'changed', files });
    (this.#changes as Changes).isPending = true;
    this.#restartIfStale();
  }

  /** A start takes too long: tells what is wrong with it, and waits no longer with a restart. */
  #isSlow(): void {
    this.#history.look();
    this.#news.tellProblems();
    this.#restartIfStale();
  }

  /** Restarts the program for a change: at once, but if it is starting, when it is ready or has taken too long. */
  #restartIfStale(): void {
    const { rules } = this.#unit.service;
    if (!this.#changes?.isPending || this.#how !== 'by-itself') return;
    if (rules.state === 'deactivating' || this.#runs.isStarting) return;
    // A lazy unit that was not started yet has nothing to restart.
    if (!this.#runs.isRunning && this.#unit.isListening) {
      this.#changes.isPending = false;
      return;
    }
    this.#runs.tellStop(this.#unit.description.restartKillSignal, 'change');
    rules.restart();
  }

  #look(): void {
    this.#news.tellMessages();
    if (this.#runs.follow()) this.#hasBegun();
    if (this.#runs.tellReadiness()) this.#restartIfStale();
    this.#news.tellProblems();
    if (!isSettled(this.#unit)) return;
    if (this.#runs.isRunning) this.#endRun();
    else this.#endIfOver();
  }

  #hasBegun(): void {
    this.#awaited = undefined;
    if (this.#changes !== undefined) this.#changes.isPending = false;
  }

  #endRun(): void {
    const isLast = this.#how !== 'by-itself' || this.#options.once;
    const next = isLast ? 'end' : nextOf(this.#unit, this.#changes?.areWatched === true);
    this.#awaited = next;
    this.#runs.tellExit(next);
    if (next === 'end') this.#end(this.#unit.service.rules.result);
    else if (next === 'connection') this.#awaitClient();
    else if (next === 'change') {
      // Its clients wait for the change, too.
      this.#unit.stopListening();
      this.#restartIfStale();
    }
  }

  #awaitClient(): void {
    this.#awaited = 'connection';
    if (!this.#unit.isListening) this.#unit.listen();
  }

  /** Ends when nothing runs, and nothing will be started any more. */
  #endIfOver(): void {
    const isStopped = this.#how === 'stopped';
    const why = isStopped ? undefined : whyGivenUp(this.#unit, this.#awaited);
    if (why !== undefined) {
      this.#how = 'given-up';
      this.#tell({ event: 'given-up', why });
    }
    if (isStopped || why !== undefined) this.#end(this.#unit.service.rules.result);
  }

  /** Leaves nothing behind. */
  #end(result: string): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#runs.close();
    this.#changes?.close();
    this.#unit.close();
    const [exit, { count }] = [this.#runs.lastExit, this.#told];
    this.#outcome.resolve({ exit, result, how: this.#how, problems: count });
  }
}
