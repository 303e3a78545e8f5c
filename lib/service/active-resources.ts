// Describes the resources that keep the event loop of this process alive.
import { net } from '../base/lazy-builtins.ts';

/** Undocumented properties of Node's standard streams. */
interface StandardStream {
  readonly fd?: number;
  readonly _handle?: {
    readonly constructor: { readonly name: string };
    readonly reading?: boolean;
  };
}

/** The name that process.getActiveResourcesInfo() gives to a standard stream, by the class of its handle. */
const STREAM_RESOURCES: Readonly<Record<string, string>> = {
  Pipe: 'PipeWrap',
  TCP: 'TCPSocketWrap',
  TTY: 'TTYWrap',
};

/** Undocumented, but nothing else in Node tells which sockets are active. */
function activeHandles(): readonly unknown[] {
  return (process as { _getActiveHandles?(): unknown[] })._getActiveHandles?.() ?? [];
}

/**
 * The standard streams that Node lists as active, although they keep nothing alive: standard output, standard error,
 * and a standard input that nobody reads.
 */
function harmlessStreams(): string[] {
  const handles = activeHandles() as readonly StandardStream[];
  const [input, ...outputs] = [0, 1, 2].map((fd) => handles.find((handle) => handle.fd === fd));
  const harmless = input?._handle?.reading ? outputs : [input, ...outputs];
  return harmless.map((stream) => STREAM_RESOURCES[stream?._handle?.constructor.name ?? ''] ?? '');
}

/** Counts the active resources by their kind, as Node names it. */
function countResources(): Map<string, number> {
  const counts = new Map<string, number>();
  for (const resource of process.getActiveResourcesInfo()) {
    counts.set(resource, (counts.get(resource) ?? 0) + 1);
  }
  for (const resource of harmlessStreams()) {
    const count = counts.get(resource);
    if (count !== undefined) counts.set(resource, count - 1);
  }
  return counts;
}

/** Describes the other end of a connected socket; undefined when the handle is not one. */
function describePeer(handle: unknown): string | undefined {
  if (!(handle instanceof net().Socket)) return undefined;
  const { remoteAddress, remotePort } = handle;
  return remoteAddress === undefined ? undefined : `a socket to ${remoteAddress}:${remotePort}`;
}

/** Lists what keeps the event loop alive, as in `Timeout, 2 TCPSocketWrap, a socket to 10.0.0.7:5432, …`. */
export function describeActiveResources(): string {
  const resources = [...countResources()]
    .filter(([, count]) => count > 0)
    .map(([name, count]) => (count > 1 ? `${count} ${name}` : name));
  const peers = activeHandles()
    .map(describePeer)
    .filter((peer) => peer !== undefined);
  return [...resources, ...peers].join(', ');
}
