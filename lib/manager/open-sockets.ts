// The sockets of a unit while they are open, and the files that were made for them.

import { closeDescriptor } from '../descriptor/calls.ts';
import { inspect } from '../descriptor/inspect.ts';
import { type OpenSocket, openListener } from './listeners.ts';
import { refuseLivingServer } from './living-server.ts';
import { MadeFiles } from './made-files.ts';
import type { SocketDescription } from './socket-description.ts';
import type { PassedDescriptor } from './world.ts';

/** The description of an open socket with the address that it got, so that it can be opened there again. */
function pinned({ description, fd }: OpenSocket): SocketDescription {
  if (!description.address.endsWith(':0')) return description;
  const descriptor = inspect(fd);
  if (descriptor.kind !== 'socket' || !('port' in descriptor.localAddress)) return description;
  const host = description.address.slice(0, -1);
  return { ...description, address: `${host}${descriptor.localAddress.port}` };
}

export class OpenSockets {
  readonly files = new MadeFiles();
  readonly #described: readonly SocketDescription[];
  /** What is opened: at first what the description says, later the same addresses again. */
  #wanted: readonly SocketDescription[];
  #open: readonly OpenSocket[] = [];

  constructor(described: readonly SocketDescription[]) {
    this.#described = described;
    this.#wanted = described;
  }

  /** Those that are open, in the order of their descriptors. */
  get all(): readonly OpenSocket[] {
    return this.#open;
  }

  /** The descriptors, with their names. */
  get passed(): readonly PassedDescriptor[] {
    return this.#open.map(({ description, fd }) => ({ fd, name: description.name }));
  }

  /** True when none is left to open. */
  get areOpen(): boolean {
    return this.#open.length === this.#wanted.length;
  }

  /** @throws SystemdError EADDRINUSE where another server listens at a path */
  refuseLivingServers(): void {
    // Later, the server may be this unit's own socket in its fd store.
    if (this.#wanted === this.#described) this.#wanted.forEach(refuseLivingServer);
  }

  /**
   * Opens all.
   *
   * @param opened - called after each, because this process may be killed while it opens the others
   * @throws SystemdError when one can't be opened; the others stay open
   */
  open(opened: () => void): void {
    for (const description of this.#wanted) {
      const fd = this.files.open(description, openListener);
      this.#open = [...this.#open, { description, fd }];
      opened();
    }
    this.#wanted = this.#open.map(pinned);
  }

  /** Closes all. Their files stay. */
  close(): void {
    for (const { fd } of this.#open) closeDescriptor(fd);
    this.#open = [];
  }
}
