// The calls that libsystemd answers otherwise than in older versions. The built-in functions answer as the newest
// version does. docs/libsystemd.md has the same list.
import type { Call } from './table.ts';

export interface Change {
  /** The oldest version of those that are tested that has the newer answer. */
  readonly since: number;
  /** The change in the words of docs/libsystemd.md. */
  readonly what: string;
  readonly concerns: (call: Call) => boolean;
  readonly older: RegExp;
  readonly newer: RegExp;
}

const variable = (name: string) => (call: Call) =>
  new RegExp(`(^|\t)${name}=([^\t]*)`).exec(call.line)?.[2];

const address = variable('NOTIFY_SOCKET');
const pidFdId = variable('LISTEN_PIDFDID');
/** The descriptors of a call of sd_pid_notify_with_fds(). */
const fds = (call: Call) =>
  call.name === 'sd_pid_notify_with_fds' ? call.line.split('\t').at(-1)!.split(',').length : 0;

export const changes: readonly Change[] = [
  {
    since: 252,
    what: 'a path of 108 bytes or more in `NOTIFY_SOCKET`',
    concerns: (call) => /^\/.{107}/.test(address(call) ?? ''),
    older: /^-22 EINVAL/,
    newer: /^-36 ENAMETOOLONG/,
  },
  {
    since: 253,
    what: '`NOTIFY_SOCKET` is an address of vsock(7)',
    concerns: (call) => address(call)?.startsWith('vsock') ?? false,
    older: /^-22 EINVAL/,
    newer: /^(-\d+ |1)/,
  },
  {
    since: 255,
    what: '`NOTIFY_SOCKET` is neither a path, nor an abstract name, nor an address of vsock(7)',
    concerns: (call) => /^([^/@{]|$)/.test(address(call) ?? '/'),
    older: /^-22 EINVAL/,
    newer: /^-71 EPROTO/,
  },
  {
    since: 257,
    what: 'more than 253 descriptors in one message',
    concerns: (call) => fds(call) > 253,
    older: /^(-22 EINVAL|-9 EBADF|0|-2 ENOENT|-109 ETOOMANYREFS)/,
    newer: /^-7 E2BIG/,
  },
  {
    since: 259,
    what: '`LISTEN_PIDFDID` names another process or is malformed, or the variables are removed',
    concerns: (call) => pidFdId(call) !== undefined,
    older: /^/,
    newer: /^/,
  },
];
