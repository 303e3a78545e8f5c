// Which of the descriptors that were passed a server gets.

import { SystemdError } from '../base/errors.ts';
import { printable } from '../base/printable.ts';
import { invalidValue } from '../base/validate.ts';
import { warn } from '../base/warn.ts';
import { formatDescriptor } from '../descriptor/format.ts';
import type { InheritedDescriptor } from '../descriptor/inspect.ts';
import { type Descriptor, inspectNamed } from '../descriptor/inspect.ts';
import { isConnection, isForServers } from '../descriptor/predicates.ts';
import { hasWorkers } from './cluster/primary.ts';
import { isWorker } from './cluster/worker.ts';
import { descriptorsListed, explainOtherPid, listenFds } from './environment.ts';
import { firstToWarn, hasListener, isTaken } from './inherited.ts';
import type { ServerKind } from './server-kinds/index.ts';
import { isStdinSocket, STDIN } from './stdin.ts';

/** What a server is to listen on, as far as it says. */
export interface Wish {
  readonly name?: string | undefined;
  readonly descriptor?: InheritedDescriptor | undefined;
  readonly fallback?: unknown;
}

/** With StandardInput=socket and Accept=no the unit's socket is standard input, and has no name. */
const STDIN_NAME = 'stdin';

/** A child of the service inherits standard input too, but is not who the manager has started. */
function isStdinMeant(): boolean {
  const { SYSTEMD_EXEC_PID: pid } = process.env;
  return pid === undefined || Number(pid) === (isWorker() ? process.ppid : process.pid);
}

function stdin(): InheritedDescriptor | undefined {
  if (!isStdinSocket() || !isStdinMeant()) return undefined;
  const descriptor = inspectNamed(STDIN, STDIN_NAME);
  return isForServers(descriptor) ? descriptor : undefined;
}

/** All that was passed, standard input too where that is a socket for a server. */
function passed(): readonly InheritedDescriptor[] {
  const listener = stdin();
  return listener === undefined ? listenFds() : [...listenFds(), listener];
}

/**
 * The sockets that were passed and that nobody has taken. Files and connections, which the fd store and
 * OpenFile= pass too, are for nobody's server.
 */
function freeSockets(): InheritedDescriptor[] {
  return passed().filter((one) => one.kind === 'socket' && !isConnection(one) && !isTaken(one));
}

export function assertSuits(kind: ServerKind, descriptor: Descriptor): void {
  if (kind.suits(descriptor)) return;
  const message = `Expected ${kind.wanted}, and got ${formatDescriptor(descriptor)}`;
  throw new SystemdError('ERR_SYSTEMD_FD_KIND', message, { fd: descriptor.fd });
}

/** The one that the program has picked by hand, of what was passed. */
function picked(kind: ServerKind, { fd }: InheritedDescriptor, name: string) {
  const descriptor = passed().find((one) => one.fd === fd);
  if (descriptor === undefined) {
    throw invalidValue(name, 'a descriptor that was passed, one of listenFds()', fd);
  }
  assertSuits(kind, descriptor);
  return descriptor;
}

function assertOne(kind: ServerKind, suited: readonly InheritedDescriptor[], name?: string): void {
  const names = new Set(suited.map((one) => one.name));
  if (names.size === 1 && (kind.takesSeveral || suited.length === 1)) return;
  const which = name === undefined ? '' : ` named "${printable(name)}"`;
  const [what, advice] =
    names.size > 1
      ? ['sockets of one name', 'give the server the name of its own sockets']
      : ['one socket', 'a socket of dgram is one socket, so give each a server by its descriptor'];
  throw new SystemdError(
    'ERR_SYSTEMD_FD_COUNT',
    `Expected ${what}${which}, and ${suited.length} were passed that suit: ${advice}:${descriptorsListed(suited)}`,
  );
}

function notActivated(name: string | undefined, why: string): SystemdError {
  const which = name === undefined ? 'No descriptor' : `No descriptor "${printable(name)}"`;
  const message = `${which} was passed to this process. ${why}`;
  return new SystemdError('ERR_SYSTEMD_NOT_ACTIVATED', message);
}

function noneNamed(name: string): SystemdError {
  const message = `No socket named "${printable(name)}" was passed (FileDescriptorName= of the socket unit). These were:${descriptorsListed(passed())}`;
  return new SystemdError('ERR_SYSTEMD_FD_NAME', message);
}

/** A fallback is not used in silence where systemd holds a socket that nobody serves by that. */
function warnOfFallback(name: string | undefined): void {
  const elsewhere = explainOtherPid();
  if (elsewhere !== undefined) {
    warn(elsewhere, { code: 'ERR_SYSTEMD_NOT_ACTIVATED' });
  }
  if (name === undefined || !freeSockets().some(isForServers)) return;
  const { message } = noneNamed(name);
  warn(`${message}\nIts fallback is used`, { code: 'ERR_SYSTEMD_FD_NAME' });
}

/** Throws what is wrong where there is neither a socket for the server nor a fallback. */
function refuse(kind: ServerKind, name: string | undefined): never {
  const elsewhere = explainOtherPid();
  if (elsewhere !== undefined) throw notActivated(name, elsewhere);
  const named = passed().find((one) => one.name === name && !isTaken(one));
  if (named !== undefined) assertSuits(kind, named); // a file or a connection
  if (!freeSockets().some(isForServers)) {
    throw notActivated(name, 'Start it by its socket unit, or give a fallback');
  }
  if (name !== undefined) throw noneNamed(name);
  throw new SystemdError(
    'ERR_SYSTEMD_NOT_ACTIVATED',
    `No descriptor is left for this server, because others listen on all that were passed. Give it a name or a descriptor to listen on the same, or a fallback:${descriptorsListed(passed())}`,
  );
}

/**
 * What a server is to listen on: all that suit it of the name, of which it picks one kind; or none, and
 * then it has a fallback.
 *
 * @param isOthers - whether it is another server's, and not for this one
 * @param name - what errors call the wish
 */
export function descriptorsFor(
  kind: ServerKind,
  wish: Wish,
  isOthers: (descriptor: InheritedDescriptor) => boolean,
  name = 'options',
): readonly InheritedDescriptor[] {
  if (wish.descriptor !== undefined) return [picked(kind, wish.descriptor, `${name}.descriptor`)];
  const sockets = freeSockets().filter(
    (one) => (wish.name === undefined || one.name === wish.name) && !isOthers(one),
  );
  const suited = sockets.filter((one) => kind.suits(one));
  if (suited.length > 0) {
    assertOne(kind, suited, wish.name);
    return suited;
  }
  // A socket of the wrong kind is a unit that is written wrong: no fallback hides that.
  if (sockets[0] !== undefined) assertSuits(kind, sockets[0]);
  if (wish.fallback === undefined) refuse(kind, wish.name);
  warnOfFallback(wish.name);
  return [];
}

/**
 * Warns, once, of each socket that was passed and that no server has, though the service says that it is
 * ready: whoever connects there waits for ever.
 *
 * @param served - what the service listens on, in its workers too
 */
export function warnOfUntaken(served: readonly InheritedDescriptor[]): void {
  if (!firstToWarn()) return;
  const isServed = (one: InheritedDescriptor) => served.some(({ fd }) => fd === one.fd);
  for (const one of freeSockets()) {
    if (!isForServers(one) || hasListener(one) || hasWorkers(one) || isServed(one)) continue;
    warn(
      `The service is ready, and none of its servers listens on ${formatDescriptor(one)}. Give it one by that name, or take the socket out of the unit`,
      { code: 'ERR_SYSTEMD_UNTAKEN' },
    );
  }
}
