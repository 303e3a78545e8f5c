// The fd store of a service.
import type { PassedDescriptor, World } from './world.ts';

/** A descriptor in the fd store. */
export interface StoredDescriptor extends PassedDescriptor {
  /** True: the descriptor is dropped as soon as it hangs up (EPOLLHUP, EPOLLERR). */
  readonly poll: boolean;
}

/** The name of a descriptor that came without a valid one. */
const DEFAULT_NAME = 'stored';

export class FdStore {
  readonly #world: World;
  readonly #limit: number;
  #entries: readonly StoredDescriptor[] = [];

  constructor(world: World, limit: number) {
    this.#world = world;
    this.#limit = limit;
  }

  /** The newest first, which is the order in which a service gets them. */
  get entries(): readonly StoredDescriptor[] {
    return this.#entries;
  }

  /**
   * Takes descriptors over: stores or closes each. Returns why not all of them are stored, or undefined.
   *
   * @param name - undefined: 'stored'
   */
  add(fds: readonly number[], name: string | undefined, poll: boolean): string | undefined {
    let problem: string | undefined;
    for (const fd of fds) {
      const why = this.#refuse(fd) ?? this.#keep({ fd, name: name ?? DEFAULT_NAME, poll });
      if (why !== undefined) this.#world.close(fd);
      problem ??= why;
    }
    return problem;
  }

  /** Full is asked before duplicate, so a duplicate is refused as one too many when the store is full. */
  #refuse(fd: number): string | undefined {
    if (this.#entries.length >= this.#limit)
      return `the fd store is full: FileDescriptorStoreMax=${this.#limit}`;
    const twin = this.#entries.find((entry) => this.#world.isSameFile(entry.fd, fd));
    return twin && `the descriptor is stored already, as '${twin.name}'`;
  }

  /**
   * Stores a descriptor. One that has to be watched, and can't be, is not stored (service_add_fd_store() of systemd).
   */
  #keep(entry: StoredDescriptor): string | undefined {
    try {
      if (entry.poll) this.#world.watch(entry.fd);
    } catch (error) {
      return `the descriptor can't be watched: ${(error as Error).message}`;
    }
    this.#entries = [entry, ...this.#entries];
    return undefined;
  }

  /** Drops all descriptors of this name. Returns how many there were. */
  remove(name: string): number {
    return this.#drop((entry) => entry.name === name);
  }

  /** Drops a descriptor that hangs up. Returns false if it is not, or no longer, in the store. */
  hungUp(fd: number): boolean {
    return this.#drop((entry) => entry.fd === fd && entry.poll) > 0;
  }

  release(): void {
    this.#drop(() => true);
  }

  #drop(isDropped: (entry: StoredDescriptor) => boolean): number {
    const dropped = this.#entries.filter(isDropped);
    this.#entries = this.#entries.filter((entry) => !isDropped(entry));
    for (const { fd } of dropped) this.#world.close(fd);
    return dropped.length;
  }
}
