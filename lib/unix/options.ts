// The options of all sockets of this folder.

import { type OptionNames, takeOptions } from '../base/options.ts';
import { invalidValue, validateBoolean, validateInteger } from '../base/validate.ts';

/** Options of a socket that sends and receives messages. */
export interface UnixSocketOptions {
  /**
   * True: `message.credentials` says who has sent a message, by SO_PASSCRED. Default false. An inherited socket has this by
   * `PassCredentials=yes` of its unit: then it holds whatever is set here, and for messages from before the start too.
   */
  readonly credentials?: boolean | undefined;
  /** True takes the descriptors that come with messages. Default false: they are closed at once. */
  readonly fds?: boolean | undefined;
  /**
   * The most bytes of a message that is received, from 1 to 16,777,216. Of a longer one only the first bytes arrive, and
   * `message.truncated` has the real length. Default 262,144, which is more than a sender can send whose SO_SNDBUF is the
   * kernel's default.
   */
  readonly maxMessage?: number | undefined;
  /**
   * What `send()` does with a message for which its receiver has no room now:
   *
   * - `'wait'`, the default: the message waits until there is room.
   * - `'drop'`: the message is dropped and counted by `dropped`, also when there is no receiver at all. For statistics and logs
   *   that must not hold up a service.
   */
  readonly whenFull?: 'wait' | 'drop' | undefined;
  /** How many messages may wait to be sent. `send()` fails while so many do. Default 1,024. */
  readonly maxWaiting?: number | undefined;
}

/** The same, checked and complete. */
export type SocketSettings = {
  readonly [Name in keyof UnixSocketOptions]-?: NonNullable<UnixSocketOptions[Name]>;
};

const NAMES: OptionNames<UnixSocketOptions> = {
  credentials: true,
  fds: true,
  maxMessage: true,
  whenFull: true,
  maxWaiting: true,
};

const DEFAULTS: SocketSettings = {
  credentials: false,
  fds: false,
  maxMessage: 256 << 10,
  whenFull: 'wait',
  maxWaiting: 1024,
};

/** Bounds the memory that a message may take. */
const LARGEST_MESSAGE = 16 << 20;

/** @throws TypeError ERR_INVALID_ARG_TYPE or ERR_INVALID_ARG_VALUE, or RangeError ERR_OUT_OF_RANGE, for a wrong option */
export function socketSettings(options: UnixSocketOptions, of: string): SocketSettings {
  // takeOptions() leaves out what is undefined.
  const settings = { ...DEFAULTS, ...takeOptions(options, NAMES, of) } as SocketSettings;
  validateBoolean('options.credentials', settings.credentials);
  validateBoolean('options.fds', settings.fds);
  validateInteger('options.maxMessage', settings.maxMessage, 1, LARGEST_MESSAGE);
  validateInteger('options.maxWaiting', settings.maxWaiting, 0, Number.MAX_SAFE_INTEGER);
  if (settings.whenFull !== 'wait' && settings.whenFull !== 'drop') {
    throw invalidValue('options.whenFull', "'wait' or 'drop'", settings.whenFull);
  }
  return settings;
}
