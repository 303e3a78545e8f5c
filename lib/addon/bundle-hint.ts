// The error text for a bundle that contains this package.

/** The entries that programs bundle. ncc leaves out only what is named. */
const ENTRIES = ['', '/sd', '/environment', '/journal', '/pino', '/winston', '/unix'];

/** How to mark the package with all its entries as external, for each bundler. */
const HOW_TO_MARK_EXTERNAL = [
  'esbuild: --external:libsystemd',
  'Rollup, Rolldown: external: [/^libsystemd/]',
  "webpack: externals: /^libsystemd/, externalsType: 'node-commonjs'",
  "Vite: ssr: { external: ['libsystemd'] }",
  `ncc: ${ENTRIES.map((entry) => `--external libsystemd${entry}`).join(' ')}`,
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
