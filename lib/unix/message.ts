// A received message: its bytes, and who and what came with it.

import { nativeSockets } from '../addon/sockets.ts';
import { closeDescriptor } from '../descriptor/calls.ts';
import type { UnixAddress } from './address.ts';

/** The process that sent a message, as the kernel knows it. */
export interface UnixCredentials {
  /** The process id; 0 when the process is in a PID namespace that this process does not see. */
  readonly pid: number;
  /** The effective user id, unless a privileged sender has chosen another one. */
  readonly uid: number;
  /** The effective group id, unless a privileged sender has chosen another one. */
  readonly gid: number;
}

/** What a 'message' event says beside the bytes. */
export interface UnixMessage {
  /** The address of the sender, to which `send()` can answer. undefined for a sender without a name, and in a connection. */
  readonly from: UnixAddress | undefined;
  /**
   * The sender. Always there in a connection. Of datagrams undefined unless the socket had the option `credentials`, or
   * its unit `PassCredentials=yes`, before the message was sent; and of a sender that this process can see neither the
   * id nor the user and group of, because all three are of other namespaces.
   */
  readonly credentials: UnixCredentials | undefined;
  /** The length that the message had when it was sent, in bytes, when that is more than `maxMessage`: its end is lost. */
  readonly truncated: number | undefined;
  /** The descriptors that came along. Empty unless the socket has the option `fds`. */
  readonly fds: readonly number[];
  /** True when more descriptors were sent than are in `fds`: the process could open no more (LimitNOFILE=). */
  readonly fdsLost: boolean;
  /**
   * Takes the descriptors that came along: the caller closes them from now on, by {@link closeFd} for example. Those
   * that nobody has taken are closed as soon as all listeners of 'message' have returned.
   *
   * @returns the descriptors; [] when there are none, or they are taken or closed already
   */
  takeFds(): number[];
}

const NO_FDS: readonly number[] = Object.freeze([]);

/** A message on its way from the kernel to the listeners. */
export class ReceivedMessage implements UnixMessage {
  readonly data: Buffer;
  readonly from: UnixAddress | undefined;
  readonly credentials: UnixCredentials | undefined;
  readonly truncated: number | undefined;
  readonly fdsLost: boolean;
  #fds: readonly number[] = NO_FDS;

  constructor(
    data: Buffer,
    from: UnixAddress | undefined,
    credentials: UnixCredentials | undefined,
    truncated: number | undefined,
    fdsLost: boolean,
  ) {
    this.data = data;
    this.from = from;
    this.credentials = credentials;
    this.truncated = truncated;
    this.fdsLost = fdsLost;
  }

  get fds(): readonly number[] {
    return this.#fds;
  }

  /** The add-on holds them until they are taken or closed. */
  give(fds: readonly number[]): void {
    this.#fds = fds;
  }

  takeFds(): number[] {
    const taken = this.#fds;
    this.#fds = NO_FDS;
    for (const fd of taken) nativeSockets().release(fd);
    return [...taken];
  }

  /** Closes the descriptors that nobody has taken. */
  closeFds(): void {
    const left = this.#fds;
    this.#fds = NO_FDS;
    for (const fd of left) nativeSockets().close_held(fd);
  }
}

/**
 * Closes a descriptor, such as one of {@link UnixMessage.takeFds}. Node's `fs.closeSync()` does that too, but in worker
 * threads warns of descriptors that Node has not opened, and Deno's refuses them.
 *
 * @param fd - the number of the descriptor
 * @throws SystemdError EBADF when the descriptor is not open
 * @throws TypeError ERR_INVALID_ARG_TYPE or RangeError ERR_OUT_OF_RANGE when `fd` is no int
 */
export function closeFd(fd: number): void {
  closeDescriptor(fd);
}
