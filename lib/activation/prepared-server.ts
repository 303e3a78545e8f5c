// PreparedServer: a server with the descriptors or the fallback that listen() has found for it.
import type { Address } from '../descriptor/address.ts';
import type { InheritedDescriptor } from '../descriptor/inspect.ts';
import { whenHandleCloses } from '../descriptor/node-handles.ts';
import { adopt } from './adopt.ts';
import { descriptorsFor } from './candidates.ts';
import { listenOnFallback } from './fallback.ts';
import {
  ARGUMENT_NAMES,
  type ListenFdOptions,
  validateListenOptions,
  validateServer,
} from './listen-options.ts';
import { hasListener, markListening, markPrepared } from './ownership.ts';
import type { AnyServer, ServerKind } from './server-kinds/index.ts';
import { type Listening, stillListens } from './until-listening.ts';

type State =
  /** The arguments are checked and the descriptors are found. Nothing has been touched. */
  | 'prepared'
  /** start() was called. */
  | 'starting'
  /** The server has listened. stillListens() tells whether it still does. */
  | 'listened'
  /** The server could not listen. */
  | 'failed'
  /** The program closed the server, or made it listen elsewhere, before it listened here. */
  | 'closed';

/** A server, matched with the descriptors or the fallback that it will listen on. */
export class PreparedServer {
  readonly server: AnyServer;
  readonly kind: ServerKind;
  /** The sockets that systemd passed for the server; none when the server uses its fallback. */
  readonly descriptors: readonly InheritedDescriptor[];
  readonly #options: ListenFdOptions;
  #state: State = 'prepared';
  /** Node's handle by which the server listened. */
  #handle: unknown;

  constructor(
    server: AnyServer,
    kind: ServerKind,
    descriptors: readonly InheritedDescriptor[],
    options: ListenFdOptions,
  ) {
    this.server = server;
    this.kind = kind;
    this.descriptors = descriptors;
    this.#options = options;
  }

  /** Resolves with the addresses once the server listens; rejects as {@link listen}. */
  async start(): Promise<readonly Address[]> {
    this.#state = 'starting';
    markPrepared(this.server);
    const marks = this.descriptors.map((descriptor) => markListening(descriptor, this.server));
    const unmark = () => {
      for (const end of marks) end();
    };
    try {
      const { addresses, handle } = await this.#listen();
      this.#state = 'listened';
      this.#handle = handle;
      if (stillListens(this.kind, this.server, handle)) whenHandleCloses(this.server, unmark);
      else unmark();
      return Object.freeze(addresses);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      this.#state = code === 'ERR_SYSTEMD_CLOSED' ? 'closed' : 'failed';
      unmark();
      throw error;
    }
  }

  #listen(): Promise<Listening> {
    const { kind, server, descriptors } = this;
    if (descriptors.length === 0) return listenOnFallback(kind, server, this.#options);
    return adopt(kind, server, descriptors, this.#options.backlog ?? 0);
  }

  /** False once the program has made the server listen elsewhere, or may be about to: the service must not close it. */
  get isOurs(): boolean {
    // The program closed the server before it listened, perhaps to make it listen elsewhere.
    if (this.#state === 'closed') return false;
    if (this.#state === 'prepared' || this.#state === 'starting') return true;
    if (!this.kind.isListening(this.server)) return true;
    return this.#state === 'listened' && this.kind.handle(this.server) === this.#handle;
  }
}

/**
 * Checks the arguments of {@link listen}, and finds the descriptors for the server. Touches nothing, so that
 * a service can prepare all its servers before the first one listens.
 *
 * @param names - the names of the arguments in errors
 * @param isReserved - true for a descriptor that this server must not get; default: true when another
 * server listens on it, and this server asks for no name
 */
export function prepareServer(
  server: AnyServer,
  options: ListenFdOptions,
  names = ARGUMENT_NAMES,
  isReserved = (descriptor: InheritedDescriptor) =>
    options.name === undefined && hasListener(descriptor, server),
): PreparedServer {
  const kind = validateServer(server, names.server);
  validateListenOptions(kind, options, names.options);
  const descriptors = descriptorsFor(kind, options, isReserved, names.options);
  return new PreparedServer(server, kind, descriptors, options);
}
