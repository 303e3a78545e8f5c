// The end of the process, by having nothing left to do.
import { net } from './builtin.ts';

function peerOf(handle: unknown): string | undefined {
  if (!(handle instanceof net().Socket)) return undefined;
  const { remoteAddress, remotePort } = handle;
  return remoteAddress === undefined ? undefined : `a socket to ${remoteAddress}:${remotePort}`;
}

/** What keeps the event loop going: what Node calls its resources, and the peers of the sockets. */
function whatHolds(): string {
  const counts = new Map<string, number>();
  for (const resource of process.getActiveResourcesInfo()) {
    counts.set(resource, (counts.get(resource) ?? 0) + 1);
  }
  const resources = [...counts].map(([name, count]) => (count > 1 ? `${count} ${name}` : name));
  // Not documented, and the only way to say which sockets.
  const handles = (process as { _getActiveHandles?(): unknown[] })._getActiveHandles?.() ?? [];
  const peers = handles.map(peerOf).filter((peer) => peer !== undefined);
  return [...resources, ...peers].join(', ');
}

/**
 * Ends the process by force, saying what held it, when it has not ended by itself in this time; unless
 * the function is called that this gives.
 */
export function endWithin(milliseconds: number): () => void {
  if (milliseconds === Number.POSITIVE_INFINITY) return () => {};
  const end = () => {
    const held = `The service has stopped, and after ${milliseconds} ms this still holds its process: ${whatHolds()}`;
    process.emitWarning(held, {
      code: 'ERR_SYSTEMD_HELD',
      detail: 'Close it in the stop hook. The process ends now.',
    });
    setImmediate(() => process.exit()); // the warning is written before
  };
  const timer = setTimeout(end, milliseconds).unref();
  return () => clearTimeout(timer);
}
