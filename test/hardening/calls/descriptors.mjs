// The open descriptors of this process.
import { closeSync, readdirSync, readlinkSync } from 'node:fs';

function linkOf(fd) {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    return undefined; // the descriptor with which /proc/self/fd was read
  }
}

/** Reads the open descriptors: a map from the number to the link in /proc/self/fd. */
export function openFds() {
  const links = readdirSync('/proc/self/fd').map((fd) => [Number(fd), linkOf(fd)]);
  return new Map(links.filter(([, link]) => link !== undefined));
}

/** Closes all descriptors except these. */
export function closeOthers(fds) {
  for (const fd of openFds().keys()) if (!fds.has(fd)) closeSync(fd);
}
