// What a program has open.
import { closeSync, readdirSync, readlinkSync } from 'node:fs';

function linkOf(fd) {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    return undefined; // the one that /proc/self/fd was read from
  }
}

/** By its number, what /proc shows of it. */
export function openFds() {
  const links = readdirSync('/proc/self/fd').map((fd) => [Number(fd), linkOf(fd)]);
  return new Map(links.filter(([, link]) => link !== undefined));
}

/** Closes all but these. */
export function closeOthers(fds) {
  for (const fd of openFds().keys()) if (!fds.has(fd)) closeSync(fd);
}
