// Starts the processes of a unit: the environment, the descriptors and the streams that each of them gets.

import { setNonBlocking } from '../descriptor/calls.ts';
import type { UnitDescription } from './description.ts';
import { environmentOf, pidVariables } from './environment.ts';
import type { UnitFolder } from './guard.ts';
import { type LaunchOptions, launch, launchFailing } from './launch.ts';
import { LaunchError } from './launch-error.ts';
import type { Members } from './members.ts';
import { follow, type ProcessEvents, type StartedProcess } from './started-process.ts';
import { expandVariables } from './unit-file/command.ts';
import type { PassedDescriptor, ProcessRequest } from './world.ts';

/** What a service has of its unit. */
export interface UnitParts {
  readonly description: UnitDescription;
  readonly folder: UnitFolder;
  readonly members: Members;
  /** Where its programs write to; undefined: the observer is told. */
  readonly output: LaunchOptions['output'];
  /** The descriptors of its sockets, or its one connection. They belong to the unit. */
  readonly passed: readonly PassedDescriptor[];
  /** Variables of all its processes, beside those that depend on the state: REMOTE_ADDR of a connection. */
  readonly variables?: Readonly<Record<string, string>>;
}

/** What the processes of one activation have in common. */
export interface Activation {
  /** INVOCATION_ID */
  readonly invocation: string;
  /** NOTIFY_SOCKET, of processes that may notify; undefined: there is none. */
  readonly notifySocket: string | undefined;
}

/**
 * Starts a process. When its program can't be executed, the process ends with the status by which systemd says so.
 *
 * @throws SystemdError EAGAIN when no process can be made
 */
export function startProcess(
  unit: UnitParts,
  request: ProcessRequest,
  activation: Activation,
  events: ProcessEvents,
): StartedProcess {
  const { role, command } = request;
  const env = environment(unit, request, activation);
  const argv = command.expandVariables ? expandVariables(command.argv, env) : command.argv;
  try {
    return follow(launch(argv, launchOptions(unit, request, env)), { role, argv }, events);
  } catch (failure) {
    if (!(failure instanceof LaunchError)) throw failure;
    return follow(launchFailing(failure.status, env), { role, argv, failure }, events);
  }
}

function environment(
  unit: UnitParts,
  request: ProcessRequest,
  { invocation, notifySocket }: Activation,
): Record<string, string> {
  return environmentOf(unit.description, invocation, {
    ...unit.variables,
    ...listenVariables(unit, request),
    ...(request.mayNotify && notifySocket !== undefined ? { NOTIFY_SOCKET: notifySocket } : {}),
    ...request.variables,
  });
}

/** LISTEN_FDS and LISTEN_FDNAMES, which are unset where there is no descriptor (sd_listen_fds(3)). */
function listenVariables(unit: UnitParts, request: ProcessRequest): Record<string, string> {
  const { input, systemd } = unit.description;
  const descriptors = descriptorsOf(unit, request);
  // With StandardInput=socket, 252 sets them not even for what is stored.
  if (descriptors.length === 0 || (input === 'socket' && systemd <= 252)) return {};
  return {
    LISTEN_FDS: String(descriptors.length),
    LISTEN_FDNAMES: descriptors.map(({ name }) => name).join(':'),
  };
}

function launchOptions(
  unit: UnitParts,
  request: ProcessRequest,
  env: Readonly<Record<string, string>>,
): LaunchOptions {
  const { description, passed, output } = unit;
  const isMain = request.role === 'main';
  if (isMain) for (const { fd } of passed) setNonBlocking(fd, description.nonBlocking);
  return {
    descriptors: descriptorsOf(unit, request).map(({ fd }) => fd),
    input: isMain ? inputOf(unit) : 'null',
    output,
    env,
    pidVariables: pidVariables(env, description),
    directory: description.directory ?? '/',
  };
}

/** The descriptors of a process from 3 on: its sockets, unless one is its standard input, and the store's. */
function descriptorsOf(
  { description, passed }: UnitParts,
  { role, stored }: ProcessRequest,
): readonly PassedDescriptor[] {
  if (role !== 'main') return [];
  return description.input === 'socket' ? stored : [...passed, ...stored];
}

function inputOf({ description, passed }: UnitParts): LaunchOptions['input'] {
  if (description.input !== 'socket') return description.input;
  return { socket: (passed[0] as PassedDescriptor).fd };
}
