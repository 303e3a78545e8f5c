// The paths of the prebuilt second add-on, as literals that bundlers and tracers find: see prebuilt.ts.

/**
 * The prebuilt second add-on for this processor; undefined when there is none.
 *
 * @throws TypeError when `import.meta.url` is no URL
 */
export function prebuiltSockets(): URL | undefined {
  switch (process.arch) {
    case 'x64':
      return new URL('../prebuilds/linux-x64/libsystemd-sockets.node', import.meta.url);
    case 'arm64':
      return new URL('../prebuilds/linux-arm64/libsystemd-sockets.node', import.meta.url);
    case 'arm':
      return new URL('../prebuilds/linux-arm/libsystemd-sockets.armv7.node', import.meta.url);
    case 'riscv64':
      return new URL('../prebuilds/linux-riscv64/libsystemd-sockets.node', import.meta.url);
    case 'ppc64':
      return new URL('../prebuilds/linux-ppc64/libsystemd-sockets.node', import.meta.url);
    case 's390x':
      return new URL('../prebuilds/linux-s390x/libsystemd-sockets.node', import.meta.url);
    default:
      return undefined;
  }
}
