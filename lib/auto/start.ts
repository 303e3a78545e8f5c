// Starts what this process or thread needs, by its role, before the program runs.
import { candidates } from '../activation/candidates.ts';
import { listenFds } from '../activation/listen-fds.ts';
import { isPrepared } from '../activation/ownership.ts';
import { type AnyServer, kindOf, type ServerKind } from '../activation/server-kinds/index.ts';
import { processState } from '../base/process-state.ts';
import type { InheritedDescriptor } from '../descriptor/inspect.ts';
import { isForServers, isListener, isUdp } from '../descriptor/predicates.ts';
import { sharedState } from '../service/shared-state.ts';
import { warnOfUnknownName } from './advice.ts';
import type { OtherServers } from './automatic-backend.ts';
import { AutomaticService } from './automatic-service.ts';
import { hideFromChildren } from './children.ts';
import { AutomaticPrimary, ClusterWorkers } from './cluster-workers.ts';
import { explainFailures } from './descendant.ts';
import { interceptSignals } from './held-signals.ts';
import {
  hookBind,
  hookListen,
  hookSharedHandles,
  hookSharedPorts,
  type OnListen,
  type SharedType,
} from './hooks.ts';
import { descriptorsForWish, formatWish, portOf, type Wish } from './matching.ts';
import { findRole, markMain } from './role.ts';
import { protectSocketPaths } from './socket-paths.ts';
import { acceptsForWorkers, isStillInherited } from './take-over.ts';
import { readVariables, type Variables } from './variables.ts';
import { serveInThread, WorkerThreads } from './worker-threads.ts';

/** Reads the inherited descriptors, and leaves LISTEN_* for the program, which may read them itself. */
function readDescriptors(): void {
  const before = Object.entries(process.env).filter(([name]) => /^LISTEN_/.test(name));
  listenFds();
  for (const [name, value] of before) process.env[name] = value;
}

/** Warns where LIBSYSTEMD_AUTO names a socket for this wish, and sockets were passed, but none of that name. */
function checkName(wish: Wish, { names }: Variables): void {
  const name = names.get(formatWish(wish));
  const sockets = candidates().filter(isForServers);
  if (name === undefined || sockets.length === 0) return;
  if (!sockets.some((socket) => socket.name === name)) warnOfUnknownName(wish, name, sockets);
}

/** Finds the sockets for a server of the program; undefined when the server is not to be touched. */
function find(
  server: AnyServer,
  wish: Wish,
  variables: Variables,
  isOpen: (descriptor: InheritedDescriptor) => boolean,
) {
  const kind = kindOf(server);
  if (kind === undefined) return undefined;
  checkName(wish, variables);
  const descriptors = descriptorsForWish(kind, wish, variables.names).filter(isOpen);
  // A descriptor that was not inherited is a copy of this package, of Node's cluster, or the program's own affair.
  if (wish.fd !== undefined && descriptors.length === 0) return undefined;
  // A socket of dgram without a port is a client: send() binds it.
  if (!kind.takesSeveral && wish.port === 0 && descriptors.length === 0) return undefined;
  const takesSeveral = kind.takesSeveral && !acceptsForWorkers(server);
  return { kind, descriptors: takesSeveral ? descriptors : descriptors.slice(0, 1) };
}

/** The hook for servers that belong to a service of this thread. */
function listenIn(
  service: AutomaticService,
  variables: Variables,
  isOpen: (descriptor: InheritedDescriptor) => boolean,
): OnListen {
  return (server, wish) => {
    if (service.isAside || sharedState.isServing) return undefined;
    if (isPrepared(server)) {
      if (!service.hasBegun) service.standAside();
      return undefined;
    }
    const found = find(server, wish, variables, isOpen);
    if (found === undefined) return undefined;
    service.add(server, found.kind, wish, found.descriptors);
    return found.descriptors;
  };
}

/** Finds the socket that the workers of this primary get in place of the address that they ask for. */
function findShared(wish: Wish, type: SharedType, { names }: Variables) {
  const suits = (descriptor: InheritedDescriptor) =>
    type === 'stream'
      ? isListener(descriptor)
      : isUdp(descriptor, type === 'udp6' ? 'inet6' : 'inet');
  const kind = { suits } as Pick<ServerKind, 'suits'>;
  return descriptorsForWish(kind, wish, names)[0];
}

function startMain(): void {
  const variables = readVariables();
  markMain();
  readDescriptors();
  const others: OtherServers[] = [];
  const service = new AutomaticService({ variables, others });
  const onListening = () => {
    service.begin();
    service.onChange();
  };
  const isAside = () => service.isAside || sharedState.isServing;
  const workers = new ClusterWorkers(onListening);
  const threads = new WorkerThreads(onListening, () => candidates().some(isForServers));
  others.push(workers, threads);
  workers.follow(isAside);
  threads.follow();
  sharedState.replaceAutomatic = () => service.standAside();
  interceptSignals();
  hideFromChildren();
  protectSocketPaths();
  const onListen = listenIn(service, variables, isStillInherited);
  hookListen(onListen);
  hookBind(onListen, true);
  hookSharedHandles((wish, type) => {
    if (isAside() || wish.fd !== undefined) return undefined;
    const shared = findShared(wish, type, variables);
    return shared !== undefined && isStillInherited(shared) ? shared : undefined;
  });
}

function startWorker(): void {
  // The primary waits until the whole program is ready.
  const variables: Variables = { ...readVariables(), ready: 0 };
  const primary = new AutomaticPrimary((order) => service.obey(order));
  const service: AutomaticService = new AutomaticService({ variables, primary, others: [] });
  sharedState.replaceAutomatic = () => service.standAside();
  interceptSignals();
  protectSocketPaths();
  // The descriptors are open in the primary, which gives copies to its workers.
  const onListen = listenIn(service, variables, () => true);
  hookListen(onListen);
  hookBind(onListen, false);
  hookSharedPorts((wish) => {
    const shared = findShared(wish, 'stream', variables);
    return shared && portOf(shared);
  });
}

function startThread(): void {
  const variables = readVariables();
  const servers = serveInThread();
  const onListen: OnListen = (server, wish) => {
    const found = isPrepared(server) ? undefined : find(server, wish, variables, isStillInherited);
    if (found === undefined) return undefined;
    servers.add(server, found.kind, wish, found.descriptors);
    return found.descriptors;
  };
  protectSocketPaths();
  hookListen(onListen);
  hookBind(onListen, true);
}

/** To be called in a process that systemd has started, or in a descendant. A second call does nothing. */
export function start(): void {
  const state = processState('auto', () => ({ isStarted: false }));
  if (state.isStarted) return;
  state.isStarted = true;
  const starts = {
    main: startMain,
    worker: startWorker,
    thread: startThread,
    descendant: explainFailures,
  };
  starts[findRole()]();
}
