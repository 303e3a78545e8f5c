// A file of MEMORY_PRESSURE_WATCH, opened by the add-on: Node's `fs` has other numbers for descriptors in Deno.
import { nativeSockets } from '../addon/sockets.ts';
import { resultOrThrow } from '../base/errors.ts';
import { fs } from '../base/lazy-builtins.ts';

/** Opens the file for reading and writing. No call on the descriptor waits. */
export function openFile(path: string): number {
  const { O_RDWR, O_NONBLOCK } = fs().constants;
  return resultOrThrow(nativeSockets().open(path, O_RDWR | O_NONBLOCK), 'open');
}

/** Writes all bytes in one write, because the kernel takes a trigger as a whole. */
export function writeTrigger(fd: number, bytes: Uint8Array): void {
  resultOrThrow(nativeSockets().write(fd, bytes), 'write');
}

export function closeFile(fd: number): void {
  nativeSockets().close(fd);
}
