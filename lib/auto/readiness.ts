// Readiness: decides when the program serves all that it was started for.
import type { Server } from 'node:net';
import { deferred } from '../base/deferred.ts';
import type { InheritedDescriptor } from '../descriptor/inspect.ts';
import { notify } from '../notification/notify.ts';
import { explainNoMatch, warnOfNoMatch, warnOfOwnPlace } from './advice.ts';
import { HeldConnections } from './held-connections.ts';
import type { Wish } from './matching.ts';
import { UrlProbe } from './url-probe.ts';
import type { ReadyWhen } from './variables.ts';

/** Milliseconds that the program has for its next server, when sockets are left without one. */
const PATIENCE = 2_000;

/** What systemd has passed, and what the program listens on now. */
export interface Listening {
  /** The inherited sockets that a server can listen on. */
  readonly sockets: readonly InheritedDescriptor[];
  /** The inherited sockets that have a server. */
  readonly served: readonly InheritedDescriptor[];
  /** The places of servers that listen as the program wished. */
  readonly ownPlaces: readonly Wish[];
}

export class Readiness {
  readonly #listening: () => Listening;
  readonly #when: ReadyWhen;
  readonly #held = new HeldConnections();
  readonly #ready = deferred<void>();
  readonly #noted = new Set<string>();
  #isCheckPlanned = false;
  #isDecided = false;
  #isCancelled = false;
  #timer: NodeJS.Timeout | undefined;
  #probe: UrlProbe | undefined;

  constructor(listening: () => Listening, when: ReadyWhen) {
    this.#listening = listening;
    this.#when = when;
    this.#ready.promise.then(() => this.#held.release());
  }

  /** To call before a server listens: its clients wait if the program says when it is ready. */
  hold(server: Server): void {
    if (this.#when !== 'manual' && this.#when !== 0) this.#held.hold(server);
  }

  /** Resolves when the program is ready, or after {@link end}. */
  get ready(): Promise<void> {
    return this.#ready.promise;
  }

  /** Resolves {@link ready} at once, because the service stops. */
  end(): void {
    this.#isDecided = true;
    this.#endWaiting();
    this.#ready.resolve();
  }

  /** From now on nothing is checked, {@link ready} never resolves, and no client waits. */
  cancel(): void {
    this.#isCancelled = true;
    this.#endWaiting();
    this.#held.release();
  }

  #endWaiting(): void {
    clearTimeout(this.#timer);
    this.#probe?.end();
  }

  /**
   * To call when a server has begun to listen, or has stopped. A program that looks for a free port closes its servers
   * as soon as they listen, so the check comes a turn of the event loop later.
   */
  onChange(): void {
    if (this.#isCheckPlanned) return;
    this.#isCheckPlanned = true;
    setImmediate(() => {
      this.#isCheckPlanned = false;
      this.#checkServers();
    });
  }

  #checkServers(): void {
    if (this.#isCancelled) return;
    const { sockets, served, ownPlaces } = this.#listening();
    if (this.#isDecided) {
      this.#noteOwnPlaces();
      return;
    }
    clearTimeout(this.#timer);
    if (served.length === 0 && ownPlaces.length === 0) return;
    const isServed = ({ fd }: InheritedDescriptor) => served.some((known) => known.fd === fd);
    if (sockets.every(isServed)) this.#resolveOnceAnswering();
    else this.#timer = setTimeout(() => this.#decideWithoutTheRest(), PATIENCE).unref();
  }

  /** The program has listened for a while, and some of the inherited sockets have no server. */
  #decideWithoutTheRest(): void {
    const { sockets, served, ownPlaces } = this.#listening();
    if (served.length > 0) this.#resolveOnceAnswering();
    else if (ownPlaces.length > 0) this.#noteNoMatch(explainNoMatch(sockets, ownPlaces));
  }

  #noteNoMatch(text: string): void {
    if (this.#noted.has(text)) return;
    this.#noted.add(text);
    warnOfNoMatch(text);
    try {
      notify.status(text);
    } catch {
      // The warning says the same.
    }
  }

  /** The servers listen: resolves {@link ready} once the program can answer, too. */
  #resolveOnceAnswering(): void {
    this.#isDecided = true;
    this.#noteOwnPlaces();
    this.#untilAnswering().then(() => {
      if (!this.#isCancelled) this.#ready.resolve();
    });
  }

  async #untilAnswering(): Promise<void> {
    const when = this.#when;
    if (when === 'manual' || when === 0) return;
    if (typeof when === 'number') {
      await new Promise((resolve) => {
        this.#timer = setTimeout(resolve, when).unref();
      });
      return;
    }
    this.#probe = new UrlProbe(when, (port) => this.#held.admit(port));
    await this.#probe.untilAnswered();
  }

  #noteOwnPlaces(): void {
    const { sockets, ownPlaces } = this.#listening();
    if (sockets.length === 0) return;
    // Port 0 is any free port: no client outside of the program knows it.
    for (const wish of ownPlaces.filter(({ port }) => port !== 0)) {
      const key = `${wish.port} ${wish.path}`;
      if (!this.#noted.has(key)) warnOfOwnPlace(wish, sockets);
      this.#noted.add(key);
    }
  }
}
