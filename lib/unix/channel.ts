// Channel: an open socket that sends and receives messages, under UnixDatagram and UnixSeqpacket.
import { EPOLLERR, EPOLLHUP, EPOLLIN, EPOLLOUT } from '../addon/epoll.ts';
import { nativeSockets } from '../addon/sockets.ts';
import type { SystemdError } from '../base/errors.ts';
import { Inbox, type Listeners } from './inbox.ts';
import type { SocketSettings } from './options.ts';
import { Interest } from './readiness.ts';
import { type Peer, Sending } from './sending.ts';

/** The program's object for the socket. */
export interface ChannelOwner extends Listeners, Peer {}

export class Channel {
  readonly fd: number;
  readonly sending: Sending;
  readonly #owner: ChannelOwner;
  readonly #inbox: Inbox;
  readonly #interest: Interest;
  #reads = false;
  #wantsRoom = false;
  #isClosed = false;

  /**
   * @param fd - its own, or one that {@link Channel.take} takes over
   * @param canEnd - true for a connection
   * @throws SystemdError EMFILE when no descriptor is left to wait with; then `fd` is still the caller's
   */
  constructor(fd: number, settings: SocketSettings, owner: ChannelOwner, canEnd: boolean) {
    this.fd = fd;
    this.#owner = owner;
    this.#interest = new Interest(fd, (events) => this.#onReady(events));
    this.#inbox = new Inbox(fd, settings, owner, canEnd);
    this.sending = new Sending(fd, settings, owner, (wants) => this.#wantRoom(wants));
  }

  /**
   * Takes the descriptor over, and receives from now on.
   *
   * @throws SystemdError the error of epoll_ctl(2), such as EEXIST when another socket of this thread has the
   * descriptor; then it is still the caller's
   */
  take(): void {
    try {
      this.read();
    } catch (error) {
      this.#end();
      throw error;
    }
    nativeSockets().hold(this.fd);
  }

  /** Receives from now on. */
  read(): void {
    this.#reads = true;
    this.#update();
  }

  setPaused(isPaused: boolean): void {
    this.#inbox.setPaused(isPaused);
    if (isPaused) this.#update();
    else process.nextTick(() => this.goOn());
  }

  /** Hands over what was received and had to wait, and receives more. Called when somebody listens to the messages. */
  goOn(): void {
    if (this.#isClosed) return;
    this.#inbox.handOver();
    this.#updateOrFail();
  }

  /** The end of {@link Channel.#onReady} updates when no room is wanted any more. */
  #wantRoom(wants: boolean): void {
    this.#wantsRoom = wants;
    if (!wants) return;
    try {
      this.#update();
    } catch (error) {
      this.#wantsRoom = false;
      throw error;
    }
  }

  /** @throws SystemdError the error of epoll_ctl(2) */
  #update(): void {
    if (this.#isClosed) return;
    const reads = this.#reads && this.#inbox.wantsMore;
    this.#interest.set((reads ? EPOLLIN : 0) | (this.#wantsRoom ? EPOLLOUT : 0));
  }

  /** Called from the event loop, where nobody could catch the error. */
  #updateOrFail(): void {
    try {
      this.#update();
    } catch (error) {
      this.#owner.onFailure(error as SystemdError);
    }
  }

  #onReady(events: number): void {
    if (events & (EPOLLOUT | EPOLLERR | EPOLLHUP) && this.#wantsRoom) this.sending.flush();
    // An error has to be read too, because the kernel reports it until somebody does.
    if (events & (EPOLLIN | EPOLLERR | EPOLLHUP) && this.#reads && !this.#isClosed) {
      this.#inbox.read();
    }
    this.#updateOrFail();
  }

  keepAlive(isRef: boolean): void {
    this.#interest.keepAlive(isRef);
    this.sending.keepAlive(isRef);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#end();
    nativeSockets().close_held(this.fd);
  }

  /** Ends all but the descriptor. */
  #end(): void {
    this.#isClosed = true;
    this.#interest.close();
    this.#inbox.clear();
    this.sending.close();
  }
}
