// The options of a connection of messages.
import { type OptionNames, takeOptions } from '../base/options.ts';
import { validateBoolean } from '../base/validate.ts';
import { type SocketSettings, socketSettings, type UnixSocketOptions } from './options.ts';

/** Options of a connection: those of a datagram socket, and one more. */
export interface UnixSeqpacketOptions extends Omit<UnixSocketOptions, 'credentials'> {
  /** False, the default: when the peer has ended, this side ends too, and the connection closes. True: the program calls `end()`. */
  readonly allowHalfOpen?: boolean | undefined;
}

export const CONNECTION_OPTIONS: OptionNames<UnixSeqpacketOptions> = {
  allowHalfOpen: true,
  fds: true,
  maxMessage: true,
  maxWaiting: true,
  whenFull: true,
};

/** The settings of a connection. */
export interface ConnectionSettings extends SocketSettings {
  readonly allowHalfOpen: boolean;
}

/** @throws TypeError or RangeError for a wrong option */
export function connectionSettings(options: UnixSeqpacketOptions, of: string): ConnectionSettings {
  const { allowHalfOpen = false, ...rest } = takeOptions(options, CONNECTION_OPTIONS, of);
  validateBoolean('options.allowHalfOpen', allowHalfOpen);
  return { ...socketSettings(rest, of), allowHalfOpen };
}
