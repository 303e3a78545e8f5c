// The messages between a cluster worker and its primary. The program does not see them: Node keeps messages whose `cmd`
// begins with NODE_ from 'message' listeners, and a program that knows nothing of this package may throw for a message
// that it does not know.
import type { ChildProcess } from 'node:child_process';
import type { Address } from '../descriptor/address.ts';
import { fromJson, toJson } from '../descriptor/address-json.ts';
import type { CutCause } from '../traffic/traffic.ts';

/** From a worker to its primary. */
export interface Report {
  /** The worker listens on these addresses. */
  readonly addresses?: readonly Address[];
  /** The worker stops, and its last connection has ended. */
  readonly drained?: true;
  /** The program of the worker serves by itself, and carries out no orders. */
  readonly isAside?: true;
}

/** From the primary to a worker. */
export interface Order {
  /** The reason of the stop. */
  readonly stop?: string;
  /** Close the connections that are open, for this cause. */
  readonly cut?: CutCause;
  /** Give the signal to the program, because all workers have drained. */
  readonly replay?: true;
  /**
   * The worker was forked after that, during the clean-up of the program. It drains, but the program gets only a signal
   * that is sent to the worker itself: a program that replaces ended workers would do so again and again.
   */
  readonly isLate?: true;
}

const COMMAND = 'NODE_LIBSYSTEMD_AUTO';

interface Message {
  readonly cmd: typeof COMMAND;
  readonly content: string;
}

type Channel = NodeJS.Process | ChildProcess;

/** Ignores the error of a channel that has just closed, because each side notices the end of the other side anyway. */
const ignore = () => {};

export function send(channel: Channel, content: Report | Order): void {
  const message: Message = { cmd: COMMAND, content: toJson(content) };
  if (channel.connected) channel.send?.(message, undefined, undefined, ignore);
}

export function onMessage<Content extends Report | Order>(
  channel: Channel,
  act: (content: Content) => void,
): void {
  const listener = (message: Partial<Message> | null) => {
    if (message?.cmd === COMMAND) act(fromJson(message.content as string) as Content);
  };
  (channel as NodeJS.EventEmitter).on('internalMessage', listener);
}
