// Where the prebuilt add-ons are, as literals that bundlers and tracers can see: webpack and ncc copy the
// file that `new URL('…', import.meta.url)` names, and write the place of the copy here; @vercel/nft lists
// the file, unless it is named in a function of an object. For CommonJS rolldown.config.js makes literals
// of `__dirname` of them. The paths are right from dist/, where the build
// puts this code.

/**
 * The prebuilt add-on for this processor. undefined where there is none. Throws where `import.meta.url` is
 * no URL.
 */
export function prebuilt(): URL | undefined {
  switch (process.arch) {
    case 'x64':
      return new URL('../prebuilds/linux-x64/libsystemd.glibc.node', import.meta.url);
    case 'arm64':
      return new URL('../prebuilds/linux-arm64/libsystemd.glibc.node', import.meta.url);
    case 'arm':
      return new URL('../prebuilds/linux-arm/libsystemd.armv7.glibc.node', import.meta.url);
    case 'riscv64':
      return new URL('../prebuilds/linux-riscv64/libsystemd.glibc.node', import.meta.url);
    case 'ppc64':
      return new URL('../prebuilds/linux-ppc64/libsystemd.glibc.node', import.meta.url);
    case 's390x':
      return new URL('../prebuilds/linux-s390x/libsystemd.glibc.node', import.meta.url);
    default:
      return undefined;
  }
}
