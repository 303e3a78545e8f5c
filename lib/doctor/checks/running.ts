// What the manager and /proc say of a service that was started.

import { readFileSync } from 'node:fs';
import { commandLine, executable, initialEnvironment } from '../../manager/proc.ts';
import { programBetween } from '../../manager/programs.ts';
import { toMilliseconds } from '../../manager/unit-file/values.ts';
import type { Facts } from '../facts.ts';
import { advice, bad, type Finding, good } from '../finding.ts';
import { NODE_LINE } from '../programs.ts';
import type { Shown } from '../systemctl.ts';

/** What a result of `systemctl show` means for a Node program, and what to do. */
const RESULTS: Readonly<Record<string, readonly [what: string, ...lines: string[]]>> = {
  protocol: [
    'it ended before it said READY=1, or systemd could not take its messages',
    'Type=notify',
    'NotifyAccess=main',
  ],
  timeout: [
    'it did not say READY=1, or did not stop, in time: serve() and notify.ready() say READY=1',
    'TimeoutStartSec=90',
  ],
  watchdog: ['no ping came in time: its event loop hung, or nothing pings', 'WatchdogSec=30'],
  'start-limit-hit': ['it was started too often', 'systemctl reset-failed'],
  'exit-code': ['the program failed: its journal says why', 'journalctl -u'],
  signal: ['a signal ended it', 'journalctl -u'],
  'core-dump': ['it crashed', 'coredumpctl info'],
  'oom-kill': ['there was no memory left', 'MemoryMax='],
  resources: ['systemd could not start it', 'journalctl -u'],
};

/** Exit codes and signals that tell what a unit forbids. */
function explainEnd({ ExecMainCode, ExecMainStatus }: Shown): string | undefined {
  const isSignal = ExecMainCode === '2' || ExecMainCode === '3';
  if (!isSignal && ExecMainStatus === '203')
    return 'status 203/EXEC: ExecStart= cannot be run, or ProtectHome= hides it';
  if (!isSignal && ExecMainStatus === '143')
    return 'exit(143) counts as a failure: end with 0, as serve() does, or add SuccessExitStatus=143';
  if (isSignal && ExecMainStatus === '31')
    return 'SIGSYS: SystemCallFilter= kills a call; add SystemCallErrorNumber=EPERM';
  if (isSignal && ExecMainStatus === '5')
    return 'SIGTRAP: V8 could get no memory to run code in; leave out MemoryDenyWriteExecute=';
  return undefined;
}

/** How often systemd has tried before it gave up; '' when it did not try again. */
const attempts = ({ ActiveState, NRestarts = '0' }: Shown): string =>
  ActiveState === 'failed' && NRestarts !== '0'
    ? `; systemd gave up after ${NRestarts} restarts`
    : '';

function checkState(shown: Shown, name: string, isInside: boolean): Finding {
  const { ActiveState = '', SubState = '', Result = '' } = shown;
  const state = `${name} is ${ActiveState} (${SubState})`;
  if (Result !== '' && Result !== 'success') {
    const [what, ...lines] = RESULTS[Result] ?? ['systemd reports this result'];
    const command = lines.map((line) =>
      /^(?:journalctl|systemctl)/.test(line) ? `${line} ${name}` : line,
    );
    return bad(
      'state',
      `${state}, result ${Result}: ${explainEnd(shown) ?? what}${attempts(shown)}`,
      ...command,
    );
  }
  if (ActiveState === 'activating' && SubState === 'start') {
    // A service that asks about itself before it is ready is as it should be.
    return (isInside ? advice : bad)(
      'state',
      `${state}: it has not said READY=1`,
      'await serve(server)',
      'notify.ready()',
    );
  }
  return good('state', state);
}

/** Microseconds of CLOCK_MONOTONIC, which systemd's …Monotonic properties count. */
const now = (): number => Number(process.hrtime.bigint() / 1000n);

const time = (text: string | undefined): number => {
  try {
    return toMilliseconds(text ?? '0');
  } catch {
    return 0;
  }
};

/** Pings come at half the timeout. Those that come much later, or never, end in a kill. */
function checkPings({
  ActiveState,
  SubState,
  WatchdogUSec,
  WatchdogTimestampMonotonic,
}: Shown): Finding[] {
  const timeout = time(WatchdogUSec);
  if (
    ActiveState !== 'active' ||
    SubState !== 'running' ||
    timeout === 0 ||
    timeout === Number.POSITIVE_INFINITY
  ) {
    return [];
  }
  const ago = (now() - Number(WatchdogTimestampMonotonic)) / 1000;
  const text = `the last ping came ${(ago / 1000).toFixed(1)} s ago, and the timeout is ${timeout / 1000} s`;
  if (ago < timeout * 0.75) return [good('pings', text)];
  return [
    bad(
      'pings',
      `${text}: serve() and watchdog.start() ping at half the timeout`,
      'watchdog.start()',
    ),
  ];
}

function checkStored({ NFileDescriptorStore, FileDescriptorStoreMax }: Shown): Finding[] {
  const limit = Number(FileDescriptorStoreMax);
  if (!(limit > 0) || Number(NFileDescriptorStore) < limit) return [];
  return [
    bad(
      'fd-store',
      `the fd store is full: ${NFileDescriptorStore} of ${limit}, and what comes now is closed`,
      `FileDescriptorStoreMax=${limit * 2}`,
    ),
  ];
}

function checkSocketUnits(sockets: readonly Shown[]): Finding[] {
  return sockets
    .filter(({ ActiveState }) => ActiveState !== 'active')
    .map(({ Id, ActiveState, Result }) =>
      bad(
        'socket-state',
        `${Id} is ${ActiveState}${Result === 'success' ? '' : ` (${Result})`}: nobody listens`,
        `systemctl start ${Id}`,
      ),
    );
}

const checkReload = ({ NeedDaemonReload }: Shown, name: string): Finding[] =>
  NeedDaemonReload === 'yes'
    ? [
        bad(
          'daemon-reload',
          `the files of ${name} have changed since systemd read them`,
          'systemctl daemon-reload',
        ),
      ]
    : [];

/** The processes of a service, by its control group. */
function processesOf({ ControlGroup = '' }: Shown): number[] {
  try {
    const path = `/sys/fs/cgroup${ControlGroup}/cgroup.procs`;
    return ControlGroup === ''
      ? []
      : readFileSync(path, 'utf8')
          .split('\n')
          .filter((pid) => pid !== '')
          .map(Number);
  } catch {
    return [];
  }
}

/** Who got the sockets: the process whose pid is in LISTEN_PID, as its environment was when it began. */
function checkListenPid(pid: number, mainPid: number): Finding[] {
  const variables = initialEnvironment(pid);
  const [fds, listenPid] = [variables?.get('LISTEN_FDS'), variables?.get('LISTEN_PID')];
  if (fds === undefined || listenPid === String(pid)) return [];
  if (listenPid === undefined)
    return [
      bad(
        'listen-pid',
        missingPid(`process ${pid} of node`, fds),
        "ExecStart=/bin/sh -c 'LISTEN_PID=$$$$ exec /usr/bin/node server.mjs'",
      ),
    ];
  const command = commandLine(mainPid);
  if (listenPid !== String(mainPid) || programBetween(command) === undefined) return [];
  const between = command.join(' ');
  return [
    bad(
      'listen-pid',
      `the sockets are for process ${mainPid} (${between}), and node is process ${pid}`,
      NODE_LINE,
    ),
  ];
}

/** LISTEN_FDS without LISTEN_PID: what it means, and whose doing it is. */
export const missingPid = (who: string, fds: string): string =>
  `${who} has LISTEN_FDS=${fds} without LISTEN_PID, so it takes no sockets: systemfd --no-pid and watchexec leave LISTEN_PID out`;

/** By its program, because a daemon may have given its process a title. */
const isNode = (pid: number): boolean =>
  /(?:^|\/)node$/.test(executable(pid) ?? commandLine(pid)[0] ?? '');

/**
 * All findings about the running service, where a manager was asked.
 *
 * @param isInside - this process belongs to the service
 */
export function checkRunning({ shown, sockets, name }: Facts, isInside: boolean): Finding[] {
  if (shown === undefined || shown['LoadState'] === 'not-found') return [];
  const mainPid = Number(shown['MainPID'] ?? 0);
  return [
    checkState(shown, name, isInside),
    ...checkReload(shown, name),
    ...checkSocketUnits(sockets),
    ...checkPings(shown),
    ...checkStored(shown),
    ...processesOf(shown)
      .filter(isNode)
      .flatMap((pid) => checkListenPid(pid, mainPid)),
  ];
}
