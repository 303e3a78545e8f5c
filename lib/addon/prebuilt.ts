// The paths of the prebuilt add-ons, as literals that bundlers and tracers find: webpack and ncc copy the file that
// `new URL('…', import.meta.url)` names, and replace the literal by the path of the copy; @vercel/nft lists the file,
// unless a function of an object names it. For CommonJS, rolldown.config.js turns the literals into ones with
// `__dirname`. The paths start in dist/, where the build puts this code.

/**
 * The prebuilt add-on for this processor; undefined when there is none.
 *
 * @throws TypeError when `import.meta.url` is no URL
 */
export function prebuilt(): URL | undefined {
  switch (process.arch) {
    case 'x64':
      return new URL('../prebuilds/linux-x64/libsystemd.node', import.meta.url);
    case 'arm64':
      return new URL('../prebuilds/linux-arm64/libsystemd.node', import.meta.url);
    case 'arm':
      return new URL('../prebuilds/linux-arm/libsystemd.armv7.node', import.meta.url);
    case 'riscv64':
      return new URL('../prebuilds/linux-riscv64/libsystemd.node', import.meta.url);
    case 'ppc64':
      return new URL('../prebuilds/linux-ppc64/libsystemd.node', import.meta.url);
    case 's390x':
      return new URL('../prebuilds/linux-s390x/libsystemd.node', import.meta.url);
    default:
      return undefined;
  }
}
