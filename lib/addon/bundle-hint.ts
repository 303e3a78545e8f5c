// The error text for a bundle that contains this package.

/** How to mark the package and its entry points as external, for each bundler. */
const HOW_TO_MARK_EXTERNAL = [
  'esbuild: --external:libsystemd',
  'Rollup, Rolldown: external: [/^libsystemd/]',
  "webpack: externals: { libsystemd: 'node-commonjs libsystemd', 'libsystemd/sd': 'node-commonjs libsystemd/sd' }",
  "Vite: ssr: { external: ['libsystemd'] }",
  'ncc: --external libsystemd --external libsystemd/sd',
  'Bun: --external libsystemd',
].join('; ');

/**
 * What to do when a bundler has copied this code without the add-on.
 *
 * @param file - the bundle
 */
export function bundleHint(file = 'code that is evaluated and has no file'): string {
  return `libsystemd was bundled into ${file}, and its add-on was not. Mark libsystemd as external, and install it where the bundle runs. ${HOW_TO_MARK_EXTERNAL}`;
}
