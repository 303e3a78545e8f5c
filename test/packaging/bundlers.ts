// The bundlers that are tested, in exact versions, and how each is run.
import { join } from 'node:path';
import { fetchPackages, fetchProgram } from '../support/npm-program.ts';
import { run } from './machine.ts';

export type Format = 'esm' | 'cjs';

export interface Bundling {
  /** The folder with the program and its node_modules. */
  readonly project: string;
  /** The file of the program in that folder. */
  readonly entry: string;
  /** The folder for the bundle. */
  readonly out: string;
  readonly format: Format;
  /** A further option of the bundler, taken from the package's error, or empty. */
  readonly option: string;
}

export interface Bundler {
  /** The name in docs/bundling.md. */
  readonly name: string;
  /** The name in the package's error. */
  readonly called: string;
  /**
   * Without a further option the bundler
   * - `copies` the add-on, so that the bundle serves;
   * - `leaves out` the package, so that the bundle serves beside an installed package;
   * - does `neither`, so that the bundle ends with an error.
   */
  readonly does: 'copies' | 'leaves out' | 'neither';
  /** True if the bundle evaluates the code as text, so that the code has no file. */
  readonly evaluates?: true;
  /** Makes the bundle, and returns its file in `out`. */
  readonly bundle: (bundling: Bundling) => Promise<string>;
}

export const BUNDLERS = {
  esbuild: '0.28.2',
  rolldown: '1.3.3',
  rollup: '4.68.8',
  '@rollup/plugin-node-resolve': '16.0.3',
  '@rollup/plugin-commonjs': '29.0.3',
  webpack: '5.113.0',
  '@vercel/ncc': '0.45.0',
  vite: '8.4.0',
  postject: '1.0.0-alpha.6',
  '@vercel/nft': '1.11.5',
};

const BUN = '1.4.5';

const fileOf = ({ format }: Bundling) => (format === 'esm' ? 'bundle.mjs' : 'bundle.cjs');

const text = (value: string) => JSON.stringify(value);

/** A bundler that is run by a module, as a user would write it. */
function runByModule(source: (bundling: Bundling) => string): Bundler['bundle'] {
  return async (bundling) => {
    const cwd = await fetchPackages(BUNDLERS);
    await run(process.execPath, ['--input-type=module', '--eval', source(bundling)], { cwd });
    return fileOf(bundling);
  };
}

const REQUIRE =
  "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);";

async function esbuild({ option, ...bundling }: Bundling): Promise<string> {
  const { project, entry, format, out } = bundling;
  const file = fileOf({ option, ...bundling });
  const program = join(await fetchPackages(BUNDLERS), 'node_modules/esbuild/bin/esbuild');
  const how = ['--bundle', '--platform=node', '--log-level=warning', `--format=${format}`];
  // CommonJS code in an ES module of esbuild needs this line to require() modules of Node.
  if (format === 'esm') how.push(`--banner:js=${REQUIRE}`);
  const args = [program, entry, ...how, `--outfile=${join(out, file)}`, ...splitOption(option)];
  await run(process.execPath, args, { cwd: project });
  return file;
}

async function ncc({ project, entry, out, option }: Bundling): Promise<string> {
  const program = join(await fetchPackages(BUNDLERS), 'node_modules/@vercel/ncc/dist/ncc/cli.js');
  const args = [program, 'build', entry, '--out', out, '--quiet', ...splitOption(option)];
  await run(process.execPath, args, { cwd: project });
  // The output of ncc has the format of the input.
  return entry.endsWith('.mjs') ? 'index.mjs' : 'index.cjs';
}

async function bun({ option, ...bundling }: Bundling): Promise<string> {
  const { project, entry, format, out } = bundling;
  const file = fileOf({ option, ...bundling });
  const program = await fetchProgram(`@oven/bun-linux-x64@${BUN}`, 'bin/bun');
  const how = ['--target=node', `--format=${format}`, `--outfile=${join(out, file)}`];
  // Bun prints what it has made, which run() ignores on stdout.
  await run(program, ['build', entry, ...how, ...splitOption(option)], { cwd: project });
  return file;
}

function splitOption(option: string): string[] {
  return option.split(' ').filter((word) => word !== '');
}

const rolldown = runByModule(
  ({ project, entry, format, out, option, ...rest }) => `
    import { build } from 'rolldown';
    await build({
      input: ${text(join(project, entry))},
      platform: 'node',
      output: { file: ${text(join(out, fileOf({ project, entry, format, out, option, ...rest })))}, format: '${format}' },
      ${option}
    });
  `,
);

// Without esmExternals, a require() of a module that is left out becomes an import of its default export.
const rollup = runByModule(
  ({ project, entry, format, out, option, ...rest }) => `
    import { rollup } from 'rollup';
    import resolve from '@rollup/plugin-node-resolve';
    import commonjs from '@rollup/plugin-commonjs';
    const bundle = await rollup({
      input: ${text(join(project, entry))},
      plugins: [resolve({ preferBuiltins: true }), commonjs({ esmExternals: true })],
      ${option}
    });
    await bundle.write({
      file: ${text(join(out, fileOf({ project, entry, format, out, option, ...rest })))},
      format: '${format}',
    });
  `,
);

const webpack = (mode: string) =>
  runByModule(({ project, entry, format, out, option, ...rest }) => {
    const module = `experiments: { outputModule: true }, externalsType: 'module',`;
    return `
      import webpack from 'webpack';
      const stats = await new Promise((resolve, reject) => webpack({
        context: ${text(project)},
        entry: ${text(`./${entry}`)},
        ${mode},
        target: 'node20',
        ${format === 'esm' ? module : ''}
        output: {
          path: ${text(out)},
          filename: '${fileOf({ project, entry, format, out, option, ...rest })}',
          module: ${format === 'esm'},
        },
        ${option}
      }, (error, result) => (error ? reject(error) : resolve(result))));
      if (stats.hasErrors() || stats.hasWarnings()) console.error(stats.toString('errors-warnings'));
    `;
  });

const vite = (settings: string) =>
  runByModule(({ project, entry, format, out, option, ...rest }) => {
    const file = fileOf({ project, entry, format, out, option, ...rest });
    return `
      import { build, mergeConfig } from 'vite';
      await build(mergeConfig({
        root: ${text(project)},
        configFile: false,
        logLevel: 'warn',
        build: {
          ssr: ${text(entry)},
          outDir: ${text(out)},
          emptyOutDir: true,
          rolldownOptions: { output: { format: '${format}', entryFileNames: '${file}' } },
        },
        ${settings}
      }, { ${option} }));
    `;
  });

export const bundlers: readonly Bundler[] = [
  { name: `esbuild ${BUNDLERS.esbuild}`, called: 'esbuild', does: 'neither', bundle: esbuild },
  { name: `Rolldown ${BUNDLERS.rolldown}`, called: 'Rolldown', does: 'neither', bundle: rolldown },
  { name: `Rollup ${BUNDLERS.rollup}`, called: 'Rollup', does: 'neither', bundle: rollup },
  {
    name: `webpack ${BUNDLERS.webpack}`,
    called: 'webpack',
    does: 'copies',
    bundle: webpack("mode: 'production'"),
  },
  {
    name: `webpack ${BUNDLERS.webpack}, mode: 'development'`,
    called: 'webpack',
    does: 'neither',
    evaluates: true,
    bundle: webpack("mode: 'development'"),
  },
  {
    name: `webpack ${BUNDLERS.webpack}, mode: 'development', devtool: 'source-map'`,
    called: 'webpack',
    does: 'copies',
    bundle: webpack("mode: 'development', devtool: 'source-map'"),
  },
  { name: `ncc ${BUNDLERS['@vercel/ncc']}`, called: 'ncc', does: 'copies', bundle: ncc },
  {
    name: `Vite ${BUNDLERS.vite}, build.ssr`,
    called: 'Vite',
    does: 'leaves out',
    bundle: vite(''),
  },
  {
    name: `Vite ${BUNDLERS.vite}, build.ssr with ssr.noExternal: true`,
    called: 'Vite',
    does: 'neither',
    bundle: vite('ssr: { noExternal: true },'),
  },
  { name: `Bun ${BUN}, --target=node`, called: 'Bun', does: 'neither', bundle: bun },
];
