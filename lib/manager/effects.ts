// The assignments of a message, but for READY=1 and its like (notified-state.ts), and what each of them changes.
import { isFdName } from '../base/fd-names.ts';
import { NEVER } from './deadline.ts';
import { NOTIFY_ACCESSES } from './description.ts';
import { decodeValue, findValue, type Lines } from './message.ts';
import type { Verdict } from './notified-state.ts';
import type { ServiceState } from './service-state.ts';
import { watchdogTriggered } from './timeouts.ts';
import { parseErrno, parsePid, parseU64 } from './values.ts';
import type { ReceivedMessage } from './world.ts';

/** A message of a sender that may send. */
export interface Reading {
  readonly message: ReceivedMessage;
  readonly lines: Lines;
  /** The descriptors that nobody has taken yet. */
  fds: readonly number[];
}

export interface Effect {
  readonly key: string;
  /** The release that knows it. Default: the oldest. */
  readonly since?: number;
  /** The only value that means something, of an assignment without further values. */
  readonly flag?: string;
  /** Acts on the value, bytes in latin1. Without it the line only modifies another one of the same message. */
  readonly take?: (service: ServiceState, value: string, reading: Reading) => Verdict;
}

/** The states in which another process may become the main process. 252 does not allow it while the service stops. */
const MAIN_STATES = ['start', 'start-post', 'running', 'reload', 'reload-signal', 'reload-notify'];
const MAIN_STATES_SINCE_253 = [...MAIN_STATES, 'stop', 'stop-sigterm'];

function takeMainPidFd(service: ServiceState, _value: string, reading: Reading): Verdict {
  const [pidfd, ...others] = reading.fds;
  if (pidfd === undefined || others.length > 0)
    return `it needs one descriptor, and came with ${reading.fds.length}`;
  const pid = service.world.pidOf(pidfd);
  if (pid === undefined) return 'its descriptor is no pidfd';
  return adoptMain(service, pid, reading);
}

function takeMainPid(service: ServiceState, value: string, reading: Reading): Verdict {
  if (service.unit.systemd >= 257 && reading.lines.includes('MAINPIDFD=1'))
    return 'in this message, MAINPIDFD=1 counts instead';
  const pid = parsePid(value);
  if (pid === undefined) return 'it is no process id';
  const id = findValue(reading.lines, 'MAINPIDFDID');
  if (id !== undefined && service.unit.systemd >= 257) {
    const expected = service.world.pidfdId(pid);
    if (expected !== undefined && parseU64(id) !== expected)
      return `MAINPIDFDID=${id} is not the id of process ${pid}, which is ${expected}`;
  }
  return adoptMain(service, pid, reading);
}

function adoptMain(service: ServiceState, pid: number, { message }: Reading): Verdict {
  const { processes, world, subState, unit } = service;
  const states = unit.systemd >= 253 ? MAIN_STATES_SINCE_253 : MAIN_STATES;
  if (!states.includes(subState)) return `the service is in state ${subState}`;
  if (pid === processes.main) return true;
  if (pid === 1) return `process ${pid} is the manager`;
  if (pid === processes.control) return `process ${pid} is the control process`;
  if (!world.isAlive(pid)) return `there is no process ${pid}`;
  const isTrusted = message.uid === 0 && world.trustsRoot;
  if (!isTrusted && !world.belongs(pid)) return `process ${pid} is not of this unit`;
  processes.adoptMain(pid);
  return true;
}

/** A status that is empty, or not valid, clears the status. */
function takeStatus(service: ServiceState, value: string): Verdict {
  const text = decodeValue(value);
  service.status = text || undefined;
  return text === undefined ? 'it is not UTF-8, and so clears the status' : true;
}

/** A word that is no access undoes what an earlier NOTIFYACCESS= has said. */
function takeAccess(service: ServiceState, value: string): Verdict {
  service.accessOverride = NOTIFY_ACCESSES.find((access) => access === value);
  return (
    service.accessOverride !== undefined ||
    'it is not none, main, exec or all, so NotifyAccess= counts again'
  );
}

function takeErrno(service: ServiceState, value: string): Verdict {
  const errno = parseErrno(value);
  if (errno === undefined) return "it is neither an errno's name nor a number from 0 to 4095";
  service.errno = errno;
  return true;
}

/** ASCII without control characters, as error names have to be. */
const SAFE = /^[ -~]*$/;

/** systemctl(1) shows these names, and nothing follows from them. */
function takeErrorName(_service: ServiceState, value: string): Verdict {
  return SAFE.test(value) || 'it has characters beyond printable ASCII';
}

function takeExtension(service: ServiceState, value: string, { message }: Reading): Verdict {
  const span = parseU64(value);
  if (span === undefined) return 'it is no number of microseconds';
  if (span === 0n || span === NEVER) return 'it is no time';
  service.timer.extend(message.at + span);
  service.watchdog.deadline.extend(message.at + span);
  return true;
}

function takeWatchdog(service: ServiceState, value: string, { message }: Reading): Verdict {
  if (value === '1') service.watchdog.restart(message.at);
  else if (value === 'trigger') watchdogTriggered(service);
  else return 'it is neither 1 nor trigger';
  return true;
}

function takeWatchdogTimeout(service: ServiceState, value: string, { message }: Reading): Verdict {
  const timeout = parseU64(value);
  if (timeout === undefined) return 'it is no number of microseconds';
  service.watchdog.override(timeout, message.at);
  return true;
}

function takeRestartReset(service: ServiceState): Verdict {
  if (service.subState !== 'running' && service.subState !== 'stop')
    return `the service is in state ${service.subState}`;
  service.restarts = 0;
  return true;
}

function takeRemoval(service: ServiceState, _value: string, { lines }: Reading): Verdict {
  const name = findValue(lines, 'FDNAME');
  if (name === undefined || !isFdName(name)) return 'FDNAME= is missing, or no valid name';
  return service.store.remove(name) > 0 || `no stored descriptor has the name '${name}'`;
}

function takeDescriptors(service: ServiceState, _value: string, reading: Reading): Verdict {
  const { lines, fds } = reading;
  if (lines.includes('FDSTOREREMOVE=1')) return 'in this message, FDSTOREREMOVE=1 counts instead';
  const name = findValue(lines, 'FDNAME');
  const isValid = name !== undefined && isFdName(name);
  reading.fds = [];
  const problem = service.store.add(fds, isValid ? name : undefined, !lines.includes('FDPOLL=0'));
  return problem ?? (fds.length > 0 || 'no descriptor came with the message');
}

function takeName(_service: ServiceState, value: string, { lines }: Reading): Verdict {
  if (!lines.includes('FDSTORE=1') && !lines.includes('FDSTOREREMOVE=1'))
    return 'neither FDSTORE=1 nor FDSTOREREMOVE=1 is in the same message';
  return isFdName(value) || 'it is no valid name: up to 255 printable ASCII, no colon';
}

export const unheard = (): Verdict => 'the manager takes no notice of it';

/** The assignments in the order of their effect. READY=1 and its like come after the main process. */
export const EFFECTS_BEFORE_STATE: readonly Effect[] = [
  { key: 'MAINPIDFD', flag: '1', since: 257, take: takeMainPidFd },
  { key: 'MAINPID', take: takeMainPid },
];
export const EFFECTS_AFTER_STATE: readonly Effect[] = [
  { key: 'STATUS', take: takeStatus },
  { key: 'NOTIFYACCESS', since: 254, take: takeAccess },
  { key: 'ERRNO', take: takeErrno },
  { key: 'BUSERROR', since: 257, take: takeErrorName },
  { key: 'VARLINKERROR', since: 257, take: takeErrorName },
  { key: 'EXTEND_TIMEOUT_USEC', take: takeExtension },
  { key: 'WATCHDOG', take: takeWatchdog },
  { key: 'WATCHDOG_USEC', take: takeWatchdogTimeout },
  { key: 'RESTART_RESET', flag: '1', since: 258, take: takeRestartReset },
  { key: 'FDSTOREREMOVE', flag: '1', take: takeRemoval },
  { key: 'FDNAME', take: takeName },
  { key: 'FDSTORE', flag: '1', take: takeDescriptors },
  { key: 'EXIT_STATUS', take: unheard },
];
/** What the other effects read, or nobody. */
const MODIFIERS: readonly Effect[] = [
  { key: 'READY', flag: '1' },
  { key: 'RELOADING', flag: '1' },
  { key: 'STOPPING', flag: '1' },
  { key: 'MONOTONIC_USEC', since: 253 },
  { key: 'MAINPIDFDID', since: 257 },
  { key: 'FDPOLL', flag: '0' },
  { key: 'BARRIER', flag: '1' },
];
/** All that is known, by the keys. */
export const EFFECTS = new Map(
  [...EFFECTS_BEFORE_STATE, ...EFFECTS_AFTER_STATE, ...MODIFIERS].map((one) => [one.key, one]),
);
