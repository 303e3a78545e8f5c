// This process, as its manager has started it: the environment of a service, seen from inside.
import { advice, bad, type Finding, good } from '../finding.ts';
import { NODE_LINE } from '../programs.ts';
import { missingPid } from './running.ts';

function checkNotifySocket({ NOTIFY_SOCKET }: NodeJS.ProcessEnv, role: Role): Finding {
  if (NOTIFY_SOCKET) return good('notify-socket', `NOTIFY_SOCKET=${NOTIFY_SOCKET}`);
  const text = 'NOTIFY_SOCKET is not set: systemd listens to no message of this process';
  if (role === 'main') return bad('notify-socket', text, 'Type=notify', 'NotifyAccess=main');
  return role === 'control'
    ? good('notify-socket', 'NOTIFY_SOCKET is for ExecStart= alone, and this is another command')
    : advice('notify-socket', `${text}, which is as it should be in ExecStartPre= and its like`);
}

function checkListen({ LISTEN_FDS, LISTEN_PID, LISTEN_FDNAMES }: NodeJS.ProcessEnv): Finding[] {
  if (!LISTEN_FDS) return [];
  if (!LISTEN_PID)
    return [
      bad(
        'listen-pid',
        missingPid('this process', LISTEN_FDS),
        "sh -c 'LISTEN_PID=$$ exec node server.mjs'",
      ),
    ];
  if (LISTEN_PID !== String(process.pid)) {
    return [
      bad(
        'listen-pid',
        `the sockets are for process ${LISTEN_PID}, and this is ${process.pid}: npm or a shell is in between`,
        NODE_LINE,
      ),
    ];
  }
  return [good('listen-pid', `${LISTEN_FDS} descriptors: ${LISTEN_FDNAMES ?? 'without names'}`)];
}

function checkWatchdogPid({ WATCHDOG_USEC, WATCHDOG_PID }: NodeJS.ProcessEnv): Finding[] {
  if (!WATCHDOG_USEC || !WATCHDOG_PID || WATCHDOG_PID === String(process.pid)) return [];
  return [
    bad(
      'watchdog',
      `the watchdog waits for pings of process ${WATCHDOG_PID}, and this is ${process.pid}: npm or a shell is in between`,
      NODE_LINE,
    ),
  ];
}

/**
 * What this process is to its service: ExecStart= or a child of it, another command such as ExecStartPre=, or neither
 * as far as is known.
 */
export type Role = 'main' | 'control' | 'unknown';

/** All findings about this process. */
export const checkEnvironment = (environment: NodeJS.ProcessEnv, role: Role): Finding[] => [
  checkNotifySocket(environment, role),
  ...checkListen(environment),
  ...checkWatchdogPid(environment),
];
