// The processors for which the tarball has prebuilt add-ons.
import { join, resolve } from 'node:path';

export const root = resolve(import.meta.dirname, '..');

/** The add-ons: that of services, and that of libsystemd/testing. */
export const addons = ['libsystemd', 'libsystemd-sockets'];

/** The add-on that `npm run build:native` builds for this machine. */
export const builtFile = join(root, 'build/Release/libsystemd.node');

/**
 * - `arch`: the name in Node (process.arch); `armv`: the version of ARM
 * - `triplet`: the prefix of the names of Debian's compiler and tools
 * - `debian`: the name in Debian's packages
 * - `glibc`: the newest glibc that the add-on may need
 */
export const processors = [
  { arch: 'x64', debian: 'amd64', triplet: 'x86_64-linux-gnu', glibc: '2.17' },
  { arch: 'arm64', debian: 'arm64', triplet: 'aarch64-linux-gnu', glibc: '2.17' },
  { arch: 'arm', debian: 'armhf', armv: '7', triplet: 'arm-linux-gnueabihf', glibc: '2.17' },
  // The first glibc for riscv64.
  { arch: 'riscv64', debian: 'riscv64', triplet: 'riscv64-linux-gnu', glibc: '2.27' },
  { arch: 'ppc64', debian: 'ppc64el', triplet: 'powerpc64le-linux-gnu', glibc: '2.17' },
  { arch: 's390x', debian: 's390x', triplet: 's390x-linux-gnu', glibc: '2.17' },
];

/** The largest size of an add-on. */
export const mostKilobytes = 40;

/** The name of a file in the tarball: without the name of a C library, because it loads with each. */
function prebuilt(addon, { arch, armv }) {
  const name = [addon, armv && `armv${armv}`, 'node'].filter(Boolean).join('.');
  return join('prebuilds', `linux-${arch}`, name);
}

/** The path of the prebuilt add-on in the tarball. */
export const prebuiltFile = (processor) => prebuilt('libsystemd', processor);

/** The paths of both prebuilt add-ons. */
export const prebuiltFiles = (processor) => addons.map((addon) => prebuilt(addon, processor));
