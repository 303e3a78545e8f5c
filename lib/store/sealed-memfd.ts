// Bytes in a memory file (memfd_create(2)), sealed: whoever has it can read it, and nobody change it.

import { native } from '../addon/exports.ts';
import { EINVAL } from '../base/errno.ts';
import { check } from '../base/errors.ts';

// From memfd_create(2) and F_ADD_SEALS in fcntl(2); the same numbers on every processor.
const MFD_CLOEXEC = 1;
const MFD_ALLOW_SEALING = 2;
const MFD_NOEXEC_SEAL = 8;

const F_SEAL_SEAL = 1;
const F_SEAL_SHRINK = 2;
const F_SEAL_GROW = 4;
const F_SEAL_WRITE = 8;
const SEALS = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;

/** The kernel's own prefix takes the rest of a file name's 255 bytes. */
const LONGEST_NAME = 249;

/**
 * Hardened hosts refuse a memory file that could be executed (vm.memfd_noexec=2); kernels before 6.3
 * don't know how to ask for another.
 */
function create(name: string): number {
  const { memfd_create } = native();
  const text = name.slice(0, LONGEST_NAME);
  const flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
  const fd = memfd_create(text, flags | MFD_NOEXEC_SEAL);
  return check(fd === -EINVAL ? memfd_create(text, flags) : fd, 'memfd_create');
}

/**
 * Each piece at its place, for the position in the file is shared by all who have it. Not by Node's
 * fs, which in Deno knows no descriptor but its own.
 */
function moveAll(call: 'pread' | 'pwrite', fd: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) {
    at += check(native()[call](fd, bytes.subarray(at), at), call, fd);
  }
}

/** A sealed file of these bytes, with this name in /proc. The caller closes it. */
export function createSealed(name: string, bytes: Uint8Array): number {
  const fd = create(name);
  try {
    moveAll('pwrite', fd, bytes);
    check(native().add_seals(fd, SEALS), 'fcntl', fd);
    return fd;
  } catch (error) {
    native().close(fd);
    throw error;
  }
}

export function isSealed(fd: number): boolean {
  const seals = native().get_seals(fd);
  if (seals === -EINVAL) return false; // it can't be sealed
  return (check(seals, 'fcntl', fd) & SEALS) === SEALS;
}

/** All of a sealed file, which can't become shorter meanwhile. */
export function readSealed(fd: number): Uint8Array {
  const [result, size] = native().file_size(fd);
  check(result, 'fstat', fd);
  const bytes = new Uint8Array(size);
  moveAll('pread', fd, bytes);
  return bytes;
}
