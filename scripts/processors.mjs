// The processors for which the tarball has prebuilt add-ons.
import { join, resolve } from 'node:path';

export const root = resolve(import.meta.dirname, '..');

/** The add-on that `npm run build:native` builds for this machine. */
export const builtFile = join(root, 'build/Release/libsystemd.node');

/**
 * - `arch`: the name in Node (process.arch); `armv`: the version of ARM
 * - `triplet`: the prefix of the names of Debian's compiler and tools
 * - `glibc`: the newest glibc that the add-on may need
 */
export const processors = [
  { arch: 'x64', triplet: 'x86_64-linux-gnu', glibc: '2.17' },
  { arch: 'arm64', triplet: 'aarch64-linux-gnu', glibc: '2.17' },
  { arch: 'arm', armv: '7', triplet: 'arm-linux-gnueabihf', glibc: '2.17' },
  // The first glibc for riscv64.
  { arch: 'riscv64', triplet: 'riscv64-linux-gnu', glibc: '2.27' },
  { arch: 'ppc64', triplet: 'powerpc64le-linux-gnu', glibc: '2.17' },
  { arch: 's390x', triplet: 's390x-linux-gnu', glibc: '2.17' },
];

/** The largest size of an add-on. */
export const mostKilobytes = 40;

/** The path of the prebuilt add-on in the tarball, with the file name that prebuildify gives it. */
export function prebuiltFile({ arch, armv }) {
  const name = ['libsystemd', armv && `armv${armv}`, 'glibc', 'node'].filter(Boolean).join('.');
  return join('prebuilds', `linux-${arch}`, name);
}
