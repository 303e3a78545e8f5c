// Which inherited socket serves which listener of the configuration.
import { formatAddress, listenFds } from 'libsystemd';

/** The socket that each protocol needs, and the line of a socket unit that makes it. */
const NEEDED = {
  http: { type: 'stream', families: ['inet', 'inet6'], unit: 'ListenStream= with a port' },
  https: { type: 'stream', families: ['inet', 'inet6'], unit: 'ListenStream= with a port' },
  admin: { type: 'stream', families: ['unix'], unit: 'ListenStream= with a path' },
  statsd: { type: 'dgram', families: ['inet', 'inet6'], unit: 'ListenDatagram= with a port' },
};

export function describe({ kind, family, type, localAddress, path }) {
  return kind === 'socket'
    ? `${family} ${type} socket ${formatAddress(localAddress)}`
    : `${kind} ${path}`;
}

function problemWith({ name, protocol }, passed) {
  const { type, families, unit } = NEEDED[protocol];
  const [descriptor, ...more] = passed.filter((candidate) => candidate.name === name);
  if (descriptor === undefined) {
    return `Listener "${name}" has no socket: a socket unit needs FileDescriptorName=${name} and ${unit}`;
  }
  if (more.length > 0) return `Listener "${name}" has ${more.length + 1} sockets, and needs one`;
  if (descriptor.type === type && families.includes(descriptor.family)) return undefined;
  return `Listener "${name}" speaks ${protocol}, which needs ${unit}, and its socket is: ${describe(descriptor)}`;
}

/** Returns the listeners with their descriptors, and every problem that stands in the way. */
export function matchListeners(listeners) {
  const passed = listenFds();
  const names = new Set(listeners.map(({ name }) => name));
  const problems = listeners.map((listener) => problemWith(listener, passed)).filter(Boolean);
  for (const descriptor of passed.filter(({ name }) => !names.has(name))) {
    problems.push(
      `Socket "${descriptor.name}" (${describe(descriptor)}) is not in the configuration`,
    );
  }
  const matched = listeners.map((listener) => ({
    ...listener,
    descriptor: passed.find(({ name }) => name === listener.name),
  }));
  return { matched, problems };
}
