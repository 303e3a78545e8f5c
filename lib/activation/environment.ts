// The descriptors that the service manager passed to this process, taken from the environment once.

import { native, nativeOfProcess } from '../addon/exports.ts';
import { check, explain, SystemdError } from '../base/errors.ts';
import { fs } from '../base/lazy-builtins.ts';
import { isMainThread } from '../base/main-thread.ts';
import { printable } from '../base/printable.ts';
import { validateOptionalString } from '../base/validate.ts';
import { fromJson, toJson } from '../descriptor/address-json.ts';
import { formatDescriptor } from '../descriptor/format.ts';
import { type InheritedDescriptor, inspectNamed } from '../descriptor/inspect.ts';
import { SD_LISTEN_FDS_START } from '../sd/constants.ts';
import { sd_listen_fds_with_names } from '../sd/sd-daemon.ts';
import { shareWithWorkers } from './cluster/primary.ts';
import { fromPrimary, isWorkerWithDescriptors } from './cluster/worker.ts';
import {
  type Activation,
  activationFound,
  type Broken,
  keepActivation,
  type PrimaryDescriptor,
} from './inherited.ts';
import { explainMissingPid } from './other-process.ts';

const VARIABLES = ['LISTEN_PID', 'LISTEN_PIDFDID', 'LISTEN_FDS', 'LISTEN_FDNAMES'] as const;

const LARGEST_PID = 0x7fff_ffff;

const NOTHING: Activation = { descriptors: Object.freeze([]) };

function freeze(descriptor: InheritedDescriptor): InheritedDescriptor {
  Object.freeze(descriptor.kind === 'socket' && descriptor.localAddress);
  Object.freeze(descriptor.kind === 'socket' && descriptor.peerAddress);
  return Object.freeze(descriptor);
}

/** The values as they came, for an error that says what is wrong with them. */
function variablesAsText(): string {
  const set = VARIABLES.filter((name) => process.env[name] !== undefined);
  return set.map((name) => `${name}='${process.env[name]}'`).join(' ');
}

/**
 * Through process.env and not by libsystemd's unsetenv(3), because only Node's own way of writing to
 * the environment is safe beside other threads that read it.
 */
function unsetVariables(): void {
  for (const name of VARIABLES) delete process.env[name];
}

/** Whether libsystemd has read the variables and refuses them: it may just not have loaded, for now. */
function isRefusal(error: unknown): boolean {
  if (!(error instanceof SystemdError)) return false;
  return error.syscall === 'sd_listen_fds_with_names' && error.errno !== undefined;
}

function refusal(error: unknown): Broken {
  const expected =
    'LISTEN_PID and LISTEN_FDS are to be numbers above 0, LISTEN_FDNAMES as many names with colons between';
  return { error: explain(error, {}, `with ${variablesAsText()}: ${expected}`) };
}

/** The descriptors that the variables name, inspected and shared. The variables stay as they are. */
function readVariables(): Activation | Broken {
  let names: string[];
  try {
    names = sd_listen_fds_with_names();
  } catch (error) {
    if (isRefusal(error)) return refusal(error);
    throw error;
  }
  if (names.length === 0) return NOTHING;
  const descriptors = names.map((name, i) => inspectNamed(SD_LISTEN_FDS_START + i, name));
  shareWithWorkers(descriptors);
  check(native().shared(toJson(descriptors))[0], 'strdup'); // for worker threads
  return { descriptors: Object.freeze(descriptors) };
}

/** Whether LISTEN_PID names this process, as the manager writes it. */
function isForThisProcess(): boolean {
  return process.platform === 'linux' && process.env.LISTEN_PID === String(process.pid);
}

/** The process that LISTEN_PID names, if it plainly names another one; all else is libsystemd's. */
function otherProcess(): number | undefined {
  if (isForThisProcess()) return undefined;
  const { LISTEN_PID = '' } = process.env;
  const pid = /^[1-9]\d{0,9}$/.test(LISTEN_PID) ? Number(LISTEN_PID) : Number.NaN;
  return pid <= LARGEST_PID && pid !== process.pid ? pid : undefined;
}

/** Consumes the variables, unless something throws that may go well at a later call. */
function fromManager(): Activation | Broken {
  const meantFor = otherProcess();
  // Not for this process is nothing to do, and so no need for libsystemd.
  const read = meantFor === undefined ? readVariables() : { ...NOTHING, meantFor };
  unsetVariables();
  return read;
}

function fromClusterPrimary(): Activation {
  const primary = fromPrimary();
  if (primary === undefined) return NOTHING;
  const descriptors = primary.map(({ descriptor }) => freeze(descriptor));
  return { descriptors: Object.freeze(descriptors), primary };
}

/** A worker thread has a copy of the environment, and may not touch the real one. */
function fromMainThread(): Activation {
  if (isForThisProcess()) {
    throw new SystemdError(
      'ERR_SYSTEMD_THREAD',
      'The main thread takes the descriptors: call listenFds() there before this worker thread is started',
    );
  }
  const [, shared] = nativeOfProcess()?.shared() ?? [];
  if (shared === undefined) return NOTHING;
  const descriptors = fromJson(shared) as InheritedDescriptor[];
  return { descriptors: Object.freeze(descriptors.map(freeze)) };
}

function look(): Activation | Broken {
  if (process.platform !== 'linux') return NOTHING;
  if (!isMainThread()) return fromMainThread();
  if (isWorkerWithDescriptors()) return fromClusterPrimary();
  return process.env.LISTEN_PID ? fromManager() : NOTHING; // empty too is nobody's
}

function isBroken(looked: Activation | Broken): looked is Broken {
  return Object.hasOwn(looked, 'error');
}

/** Looks once. A broken environment is as broken on the second call, though it is consumed. */
function activation(): Activation {
  let found = activationFound();
  if (found === undefined) {
    found = look();
    // Nothing is kept of nothing, so that an environment set later on is still seen.
    if (found === NOTHING) return NOTHING;
    keepActivation(found);
  }
  if (isBroken(found)) throw found.error;
  return found;
}

/**
 * The descriptors that the service manager passed to this process, in its order, described as by
 * `inspect`. The first call takes LISTEN_* out of `process.env`, so that child processes don't see
 * it; every call returns the same list. In a cluster worker the list is the primary's, with the
 * primary's numbers; in a worker thread it is what the main thread has taken by then.
 *
 * @param name - only those of this name; several may share one
 * @returns a frozen list; [] when the process was not socket-activated, as when it merely inherited
 * the variables of another process
 * @throws SystemdError EINVAL or ERANGE when the variables are broken, EBADF when LISTEN_FDS counts
 * a number that is not open (the low ones are Node's own by then);
 * ERR_SYSTEMD_LIBRARY when there are descriptors and no libsystemd; EMFILE or ENFILE when no descriptor
 * is left to look by: a later call looks again; ERR_SYSTEMD_CLUSTER or ERR_SYSTEMD_THREAD when only the
 * primary or the main thread can take them
 * @throws TypeError ERR_INVALID_ARG_TYPE when `name` is no string
 * @see sd_listen_fds_with_names(3), version 227
 */
export function listenFds(name?: string): readonly InheritedDescriptor[] {
  validateOptionalString('name', name);
  const { descriptors } = activation();
  return name === undefined ? descriptors : descriptors.filter((passed) => passed.name === name);
}

/** Every descriptor in a line of its own, to end an error message. */
export function descriptorsListed(descriptors: readonly InheritedDescriptor[]): string {
  return descriptors.map((descriptor) => `\n  ${formatDescriptor(descriptor)}`).join('');
}

/**
 * The one descriptor that the service manager passed, or the one of this name.
 *
 * @param name - as FileDescriptorName= gives it; default: the only descriptor, whatever its name
 * @returns undefined when the process was not socket-activated
 * @throws SystemdError ERR_SYSTEMD_FD_NAME when activated and none has this name;
 * ERR_SYSTEMD_FD_COUNT when several match; and what {@link listenFds} throws
 * @throws TypeError ERR_INVALID_ARG_TYPE when `name` is no string
 * @see sd_listen_fds_with_names(3), version 227
 */
export function listenFd(name?: string): InheritedDescriptor | undefined {
  const all = listenFds();
  const [first, ...more] = listenFds(name);
  if (more.length > 0) {
    const which =
      name === undefined ? 'one descriptor' : `one descriptor named "${printable(name)}"`;
    const advice = name === undefined ? '; say which by its name' : '';
    const message = `Expected ${which}, and ${more.length + 1} were passed${advice}:${descriptorsListed(all)}`;
    throw new SystemdError('ERR_SYSTEMD_FD_COUNT', message);
  }
  if (first === undefined && all.length > 0) {
    const message = `No descriptor named "${printable(name as string)}" was passed (FileDescriptorName= of the socket unit). These were:${descriptorsListed(all)}`;
    throw new SystemdError('ERR_SYSTEMD_FD_NAME', message);
  }
  return first;
}

/** In a cluster worker: what is known of this descriptor in the primary. */
export function ofPrimary(descriptor: InheritedDescriptor): PrimaryDescriptor | undefined {
  return activation().primary?.find((shared) => shared.descriptor === descriptor);
}

function stat(pid: number): { name: string; parent: number } | undefined {
  try {
    // "pid (name) state ppid …", and the name may hold anything, parentheses too (proc(5)).
    const text = fs().readFileSync(`/proc/${pid}/stat`, 'utf8');
    const end = text.lastIndexOf(')');
    return {
      name: text.slice(text.indexOf('(') + 1, end),
      parent: Number(text.slice(end + 4).split(' ')[0]),
    };
  } catch {
    return undefined;
  }
}

/** The process of this pid, if this one descends from it. */
function ancestor(pid: number): { name: string } | undefined {
  for (let at = process.ppid; at > 0; ) {
    const process_ = stat(at);
    if (process_ === undefined || at === pid) return process_;
    at = process_.parent;
  }
  return undefined;
}

/**
 * When descriptors were passed, but to another process, or to none by its number: which, and what to do.
 * undefined when none were.
 */
export function explainOtherPid(): string | undefined {
  const { meantFor } = activation();
  if (meantFor === undefined) return explainMissingPid();
  const above = ancestor(meantFor);
  if (above === undefined) {
    return `LISTEN_PID names process ${meantFor}, and this is ${process.pid}`;
  }
  return `The descriptors were passed to process ${meantFor} (${printable(above.name)}), from which this process (${process.pid}) descends: start node from the unit itself, or by exec, with neither npm nor a shell in between`;
}
