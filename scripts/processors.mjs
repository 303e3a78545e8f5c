// The processors that the tarball has a prebuilt add-on for.
import { join, resolve } from 'node:path';

export const root = resolve(import.meta.dirname, '..');

/** The add-on that `npm run build:native` makes, for this machine. */
export const builtFile = join(root, 'build/Release/libsystemd.node');

/**
 * - `arch`: in Node's words (process.arch); `armv` where there are several kinds of it
 * - `triplet`: what the names of Debian's compiler and tools for it begin with
 * - `glibc`: the newest glibc that the add-on may need
 */
export const processors = [
  { arch: 'x64', triplet: 'x86_64-linux-gnu', glibc: '2.17' },
  { arch: 'arm64', triplet: 'aarch64-linux-gnu', glibc: '2.17' },
  { arch: 'arm', armv: '7', triplet: 'arm-linux-gnueabihf', glibc: '2.17' },
  // glibc knows riscv64 from 2.27 on.
  { arch: 'riscv64', triplet: 'riscv64-linux-gnu', glibc: '2.27' },
  { arch: 'ppc64', triplet: 'powerpc64le-linux-gnu', glibc: '2.17' },
  { arch: 's390x', triplet: 's390x-linux-gnu', glibc: '2.17' },
];

/** How large an add-on may be. */
export const mostKilobytes = 40;

/** Where the tarball has its add-on: under the name that prebuildify gives it. */
export function prebuiltFile({ arch, armv }) {
  const name = ['libsystemd', armv && `armv${armv}`, 'glibc', 'node'].filter(Boolean).join('.');
  return join('prebuilds', `linux-${arch}`, name);
}
