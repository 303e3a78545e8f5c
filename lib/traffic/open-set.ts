// The open sockets or sessions of a server.
import type { EventEmitter } from 'node:events';

/** The number of members from which on the set looks for members without a 'close' event. */
const PRUNE_FROM = 64;

type Closable = EventEmitter & { readonly destroyed: boolean; readonly pending?: boolean };

/**
 * True when this process has lost a socket without a 'close' event: the socket was handed to a child process,
 * which leaves it without a handle, or it ended after the program had removed all its listeners.
 */
function isGone(socket: Closable): boolean {
  return socket.destroyed || socket.pending === true;
}

/** Sockets or sessions, each until it is closed or gone. */
export class OpenSet<T extends Closable> {
  readonly #members = new Set<T>();
  readonly #onClose: () => void;
  #pruneAt = PRUNE_FROM;

  constructor(onClose = () => {}) {
    this.#onClose = onClose;
  }

  add(member: T): void {
    this.#members.add(member);
    member.once('close', () => {
      this.#members.delete(member);
      this.#onClose();
    });
    // Members without a 'close' event must not pile up. To check all members at each add() would take too long.
    if (this.#members.size < this.#pruneAt) return;
    this.#pruneAt = Math.max(PRUNE_FROM, 2 * this.present.size);
  }

  /** The number of members, including those that are gone without a 'close' event. */
  get size(): number {
    return this.#members.size;
  }

  /** The members that are not gone. This checks each of them, which takes a while for thousands. */
  get present(): ReadonlySet<T> {
    for (const member of this.#members) if (isGone(member)) this.#members.delete(member);
    return this.#members;
  }
}
