// Decides which of the passed descriptors a server gets, and explains why there is none.
import { SystemdError } from '../base/errors.ts';
import { escapeUnambiguously } from '../base/printable.ts';
import { invalidValue } from '../base/validate.ts';
import { warn } from '../base/warn.ts';
import { formatDescriptor, formatLines } from '../descriptor/format.ts';
import type { InheritedDescriptor } from '../descriptor/inspect.ts';
import { isConnection, isForServers } from '../descriptor/predicates.ts';
import { hasWorkers } from './cluster/shared.ts';
import { listenFds } from './listen-fds.ts';
import type { ListenFdOptions } from './listen-options.ts';
import { explainNotOurs } from './other-process.ts';
import { hasListener, isFirstToWarn, isTaken } from './ownership.ts';
import { assertSuits, type ServerKind } from './server-kinds/index.ts';
import { listenerOnStdin } from './stdin.ts';

/** All passed descriptors, and standard input if that is a socket for a server. */
function allPassed(): readonly InheritedDescriptor[] {
  const stdin = listenerOnStdin();
  return stdin === undefined ? listenFds() : [...listenFds(), stdin];
}

/**
 * The sockets that a server may get. Connections are left out, and so are descriptors that take(), load() or
 * connection() has handed out, and files, which come from the fd store and OpenFile=.
 */
export function candidates(): InheritedDescriptor[] {
  return allPassed().filter(
    (descriptor) =>
      descriptor.kind === 'socket' && !isConnection(descriptor) && !isTaken(descriptor),
  );
}

/** The descriptor that the program has picked. Throws when it was not passed, or does not suit. */
function picked(kind: ServerKind, { fd }: InheritedDescriptor, name: string): InheritedDescriptor {
  const descriptor = allPassed().find((passed) => passed.fd === fd);
  if (descriptor === undefined) {
    throw invalidValue(name, 'a descriptor that was passed, one of listenFds()', fd);
  }
  assertSuits(kind, descriptor);
  return descriptor;
}

/** Throws unless all of these sockets have the same name, and one server of this kind can listen on all of them. */
function assertForOneServer(
  kind: ServerKind,
  suited: readonly InheritedDescriptor[],
  name: string | undefined,
): void {
  const names = new Set(suited.map((descriptor) => descriptor.name));
  if (names.size === 1 && (kind.takesSeveral || suited.length === 1)) return;
  const which = name === undefined ? '' : ` named "${escapeUnambiguously(name)}"`;
  const [expected, advice] =
    names.size > 1
      ? ['sockets of one name', 'give the server the name of its own sockets']
      : ['one socket', 'this server takes one, so give each socket a server by `descriptor`'];
  throw new SystemdError(
    'ERR_SYSTEMD_FD_COUNT',
    `Expected ${expected}${which}, and ${suited.length} were passed that suit: ${advice}:${formatLines(suited)}`,
  );
}

function notActivatedError(name: string | undefined, why: string): SystemdError {
  const which =
    name === undefined ? 'No descriptor' : `No descriptor "${escapeUnambiguously(name)}"`;
  const message = `${which} was passed to this process. ${why}`;
  return new SystemdError('ERR_SYSTEMD_NOT_ACTIVATED', message);
}

function unknownNameError(name: string): SystemdError {
  const message = `No socket named "${escapeUnambiguously(name)}" was passed (FileDescriptorName= of the socket unit). These were passed:${formatLines(allPassed())}`;
  return new SystemdError('ERR_SYSTEMD_FD_NAME', message);
}

/** Warns when the server uses its fallback although systemd has opened sockets, which then nobody serves. */
function warnOfFallback(name: string | undefined): void {
  const notOurs = explainNotOurs();
  if (notOurs !== undefined) warn(notOurs, { code: 'ERR_SYSTEMD_NOT_ACTIVATED' });
  if (name === undefined || !candidates().some(isForServers)) return;
  const { message } = unknownNameError(name);
  warn(`${message}\nThe server uses its fallback`, { code: 'ERR_SYSTEMD_FD_NAME' });
}

/** The error where no socket for a server was passed, but perhaps something else. */
function noSocketError(name: string | undefined): SystemdError {
  const advice = 'Start it by its socket unit, or give a fallback';
  const others = allPassed();
  if (others.length === 0) return notActivatedError(name, advice);
  const hint = others.some(isConnection)
    ? '. With Accept=yes in the unit, connection() has the connection'
    : '';
  const message = `No socket to listen on was passed to this process. ${advice}${hint}. These were passed:${formatLines(others)}`;
  return new SystemdError('ERR_SYSTEMD_NOT_ACTIVATED', message);
}

/** Throws the error for a server that has neither a socket nor a fallback. */
function throwNoSocket(kind: ServerKind, name: string | undefined): never {
  const notOurs = explainNotOurs();
  if (notOurs !== undefined) throw notActivatedError(name, notOurs);
  const named = allPassed().find((passed) => passed.name === name && !isTaken(passed));
  if (named !== undefined) assertSuits(kind, named); // a file or a connection
  if (!candidates().some(isForServers)) throw noSocketError(name);
  if (name !== undefined) throw unknownNameError(name);
  throw new SystemdError(
    'ERR_SYSTEMD_NOT_ACTIVATED',
    `No descriptor is left for this server, because other servers listen on all that were passed. Give this server a name or a descriptor to listen beside another one, or a fallback:${formatLines(allPassed())}`,
  );
}

/**
 * The descriptors for a server:
 * - with `descriptor`: that one
 * - without: all that have the name and suit the kind of the server
 * - none: the server uses its fallback
 *
 * @param isReserved - true for a descriptor that this server must not get
 * @param optionsName - the name of the options in errors
 * @throws SystemdError, TypeError as {@link listen}
 */
export function descriptorsFor(
  kind: ServerKind,
  options: ListenFdOptions,
  isReserved: (descriptor: InheritedDescriptor) => boolean,
  optionsName: string,
): readonly InheritedDescriptor[] {
  const { descriptor, name, fallback } = options;
  if (descriptor !== undefined) return [picked(kind, descriptor, `${optionsName}.descriptor`)];
  const named = candidates().filter((candidate) => name === undefined || candidate.name === name);
  const free = named.filter((candidate) => !isReserved(candidate));
  const suited = free.filter((candidate) => kind.suits(candidate));
  if (suited.length > 0) {
    assertForOneServer(kind, suited, name);
    return suited;
  }
  // A socket of the wrong kind is a mistake in the unit, which no fallback may hide.
  if (free[0] !== undefined) assertSuits(kind, free[0]);
  if (fallback === undefined) throwNoSocket(kind, name);
  warnOfFallback(name);
  return [];
}

/**
 * Warns, once in a process, of each socket that was passed and has no server although the service is ready:
 * a client that connects there waits for ever.
 *
 * @param served - the descriptors that the service listens on, in its cluster workers too
 * @param advise - returns the sentence that says how the socket of this name gets a server, without its end
 */
export function warnOfUntaken(
  served: readonly InheritedDescriptor[],
  advise: (name: string) => string = () => 'Give that socket a server by its name',
): void {
  if (!isFirstToWarn()) return;
  const isServed = (candidate: InheritedDescriptor) =>
    hasListener(candidate) || hasWorkers(candidate) || served.some(({ fd }) => fd === candidate.fd);
  for (const candidate of candidates()) {
    if (!isForServers(candidate) || isServed(candidate)) continue;
    warn(
      `The service is ready, and none of its servers listens on ${formatDescriptor(candidate)}. ${advise(candidate.name)}, or take the socket out of the unit`,
      { code: 'ERR_SYSTEMD_UNTAKEN' },
    );
  }
}
