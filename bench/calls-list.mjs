// The measured calls. c-side.c makes the same calls under the names in `c`. `others` has the functions that take the
// module of another package and return its call.
import { acceptQueue, inspect, notify } from 'libsystemd';
import * as sd from 'libsystemd/sd';

/**
 * The milliseconds of a round. With a receiver the rounds are longer, because the scheduler needs some milliseconds
 * to place both processes.
 */
const ROUND = 5;
const ROUND_WITH_RECEIVER = 25;

/**
 * The number of messages that surely fit into the empty queue of the receiver (net.unix.max_dgram_qlen is 10). Of more
 * messages, `notify` would queue some in this process, and other packages would lose some.
 */
const BURST = 8;

// The same numbers as in c-side.c.
const [TCP, UNIX, FIFO, FILE] = [3, 4, 5, 6];
const tcp = inspect(TCP).localAddress;
const unix = inspect(UNIX).localAddress;
const { AF_INET, SOCK_STREAM } = sd;

const STATUS = '12 requests served';

const sending = [
  {
    what: '`sd_notify()`, back to back',
    c: 'notify',
    call: () => sd.sd_notify(false, 'WATCHDOG=1'),
    others: {
      'sd-daemon': (sdDaemon) => () => sdDaemon.notify('WATCHDOG=1'),
      'sd-notify': ({ default: sdNotify }) => sdNotify.watchdog,
    },
    burst: Number.POSITIVE_INFINITY,
    round: 2 * ROUND_WITH_RECEIVER,
    target: { times: 1.1 },
    brief: ['c'],
  },
  {
    what: '`sd_notify()`, bursts of 8',
    c: 'notify_status',
    call: () => sd.sd_notify(false, `STATUS=${STATUS}`),
  },
  {
    what: '`notify.status()`, bursts of 8',
    inC: '`sd_notify()`',
    c: 'notify_status',
    call: () => notify.status(STATUS),
    target: { times: 0.7 },
    targetOfOthers: 1,
    plot: { chart: 'message', c: 'C: sd_notify()', node: 'this package: notify.status()' },
    others: {
      'sd-daemon': (sdDaemon) => () => sdDaemon.notifyStatus(STATUS),
      'sd-notify':
        ({ default: sdNotify }) =>
        () =>
          sdNotify.sendStatus(STATUS),
      'systemd-daemon':
        ({ default: daemon }) =>
        () =>
          daemon.notify(`STATUS=${STATUS}`),
      'systemd-notify':
        ({ default: systemdNotify }) =>
        () =>
          systemdNotify({ status: STATUS }),
    },
    brief: ['c', 'sd-notify', 'systemd-notify'],
  },
  {
    what: '`notify.send({ status })`, bursts of 8',
    inC: '`sd_notify()`',
    c: 'notify_status',
    call: () => notify.send({ status: STATUS }),
  },
];

const checks = [
  {
    what: '`sd_is_socket_inet()`',
    c: 'is_socket_inet',
    call: () => sd.sd_is_socket_inet(TCP, AF_INET, SOCK_STREAM, 1, tcp.port),
    target: { times: 1.4 },
    brief: ['c'],
  },
  {
    what: '`sd_is_socket_sockaddr()`, of an object',
    c: 'is_socket_sockaddr',
    call: () => sd.sd_is_socket_sockaddr(TCP, SOCK_STREAM, tcp, 1),
    target: { times: 1.6 },
  },
  {
    what: '`sd_is_socket_unix()`',
    c: 'is_socket_unix',
    call: () => sd.sd_is_socket_unix(UNIX, SOCK_STREAM, 1, unix.path),
  },
  {
    what: '`sd_is_socket()`',
    c: 'is_socket',
    call: () => sd.sd_is_socket(TCP, AF_INET, SOCK_STREAM, 1),
  },
  { what: '`sd_is_fifo()`', c: 'is_fifo', call: () => sd.sd_is_fifo(FIFO) },
  { what: '`sd_is_special()`', c: 'is_special', call: () => sd.sd_is_special(FILE) },
  { what: '`sd_is_mq()`, of a file', c: 'is_mq', call: () => sd.sd_is_mq(FILE) },
  {
    what: '`sd_booted()`',
    c: 'booted',
    call: () => sd.sd_booted(),
    others: {
      'sd-daemon': (sdDaemon) => sdDaemon.booted,
      'systemd-daemon':
        ({ default: daemon }) =>
        () =>
          daemon.booted(),
    },
  },
  {
    what: '`sd_watchdog_enabled()`',
    c: 'watchdog_enabled',
    call: () => sd.sd_watchdog_enabled(),
    others: {
      'sd-daemon': (sdDaemon) => sdDaemon.watchdogEnabled,
      'sd-notify': ({ default: sdNotify }) => sdNotify.watchdogInterval,
    },
  },
];

const inspections = [
  {
    what: '`inspect()`, TCP listener',
    inC: 'its system calls',
    c: 'inspect_tcp',
    call: () => inspect(TCP),
    target: { times: 1.2 },
    brief: ['c'],
  },
  {
    what: '`inspect()`, Unix listener',
    inC: 'its system calls',
    c: 'inspect_unix',
    call: () => inspect(UNIX),
    target: { times: 1.2 },
  },
  { what: '`acceptQueue()`, TCP', call: () => acceptQueue(TCP) },
  { what: '`acceptQueue()`, Unix', call: () => acceptQueue(UNIX) },
];

const withDefaults = (entries, defaults) => entries.map((entry) => ({ ...defaults, ...entry }));
const unpaused = { burst: Number.POSITIVE_INFINITY, round: ROUND };

/** The calls of each part of the benchmark. */
export const lists = {
  notify: withDefaults(sending, { burst: BURST, round: ROUND_WITH_RECEIVER }),
  check: withDefaults(checks, unpaused),
  inspect: withDefaults(inspections, unpaused),
};
