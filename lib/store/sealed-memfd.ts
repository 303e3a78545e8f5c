// A sealed memory file (memfd_create(2)): bytes that every process with a descriptor of it can read,
// and none can change.

import { native } from '../addon/exports.ts';
import { EINVAL } from '../base/errno.ts';
import { resultOrThrow } from '../base/errors.ts';

// From memfd_create(2), and F_ADD_SEALS in fcntl(2). The numbers are the same on every processor.
const MFD_CLOEXEC = 1;
const MFD_ALLOW_SEALING = 2;
const MFD_NOEXEC_SEAL = 8;

const F_SEAL_SEAL = 1;
const F_SEAL_SHRINK = 2;
const F_SEAL_GROW = 4;
const F_SEAL_WRITE = 8;
const SEALS = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;

/** The kernel prefixes the name with `memfd:`, and a file name has at most 255 bytes. */
const LONGEST_NAME = 249;

/**
 * Asks for a file that can't be executed, because hardened hosts refuse any other (vm.memfd_noexec=2).
 * Kernels before 6.3 do not know that flag, and answer EINVAL.
 */
function create(name: string): number {
  const { memfd_create } = native();
  const fileName = name.slice(0, LONGEST_NAME);
  const flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
  const fd = memfd_create(fileName, flags | MFD_NOEXEC_SEAL);
  return resultOrThrow(fd === -EINVAL ? memfd_create(fileName, flags) : fd, 'memfd_create');
}

/**
 * Reads or writes all bytes, from the start of the file. Every call says the position, because all
 * processes that have the file share its own position. Node's fs is not used, because in Deno it
 * accepts no descriptor that Deno has not opened.
 */
function transferAll(call: 'pread' | 'pwrite', fd: number, bytes: Uint8Array): void {
  for (let position = 0; position < bytes.length; ) {
    position += resultOrThrow(native()[call](fd, bytes.subarray(position), position), call, fd);
  }
}

/**
 * Creates a sealed file with these bytes.
 *
 * @param name - shown in /proc
 * @returns the file's descriptor, which the caller closes
 */
export function createSealed(name: string, bytes: Uint8Array): number {
  const fd = create(name);
  try {
    transferAll('pwrite', fd, bytes);
    resultOrThrow(native().add_seals(fd, SEALS), 'fcntl', fd);
    return fd;
  } catch (error) {
    native().close(fd);
    throw error;
  }
}

/** True for a memory file with all four seals. */
export function isSealed(fd: number): boolean {
  const seals = native().get_seals(fd);
  if (seals === -EINVAL) return false; // the kernel can't seal this kind of file
  return (resultOrThrow(seals, 'fcntl', fd) & SEALS) === SEALS;
}

/** Reads all bytes of a sealed file. Its size can't change meanwhile. */
export function readSealed(fd: number): Uint8Array {
  const [result, size] = native().file_size(fd);
  resultOrThrow(result, 'fstat', fd);
  const bytes = new Uint8Array(size);
  transferAll('pread', fd, bytes);
  return bytes;
}
