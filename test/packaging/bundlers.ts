// The bundlers that the package is tried with, each of exactly one version, and how each is run.
import { join } from 'node:path';
import { fetchPackages, fetchProgram } from '../support/npm-program.ts';
import { run } from './machine.ts';

export type Format = 'esm' | 'cjs';

export interface Bundling {
  /** The folder of the program and of what it has installed. */
  readonly project: string;
  /** The file of the program in it. */
  readonly entry: string;
  /** Where the bundle goes. */
  readonly out: string;
  readonly format: Format;
  /** What the package's error says to this bundler; empty at first. */
  readonly words: string;
}

export interface Bundler {
  /** As docs/bundling.md has it. */
  readonly name: string;
  /** What the package's error calls it. */
  readonly called: string;
  /**
   * Without any words: `copies` the add-on, so that the bundle serves; `leaves out` the package, so that it
   * serves where the package is installed; `neither`, so that there is an error.
   */
  readonly does: 'copies' | 'leaves out' | 'neither';
  /** Set where the code of the bundle is in no file. */
  readonly evaluates?: true;
  /** The file of the bundle in `out`. */
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

/** Runs a module as a user would write it, where the bundlers are installed. */
function script(source: (bundling: Bundling) => string): Bundler['bundle'] {
  return async (bundling) => {
    const cwd = await fetchPackages(BUNDLERS);
    await run(process.execPath, ['--input-type=module', '--eval', source(bundling)], { cwd });
    return fileOf(bundling);
  };
}

const REQUIRE =
  "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);";

async function esbuild({ words, ...bundling }: Bundling): Promise<string> {
  const { project, entry, format, out } = bundling;
  const file = fileOf({ words, ...bundling });
  const program = join(await fetchPackages(BUNDLERS), 'node_modules/esbuild/bin/esbuild');
  const how = ['--bundle', '--platform=node', '--log-level=warning', `--format=${format}`];
  // Without it no CommonJS that requires a module of Node's runs in an ES module of esbuild's.
  if (format === 'esm') how.push(`--banner:js=${REQUIRE}`);
  const args = [program, entry, ...how, `--outfile=${join(out, file)}`, ...split(words)];
  await run(process.execPath, args, { cwd: project });
  return file;
}

async function ncc({ project, entry, out, words }: Bundling): Promise<string> {
  const program = join(await fetchPackages(BUNDLERS), 'node_modules/@vercel/ncc/dist/ncc/cli.js');
  const args = [program, 'build', entry, '--out', out, '--quiet', ...split(words)];
  await run(process.execPath, args, { cwd: project });
  // ncc writes the format of what it reads.
  return entry.endsWith('.mjs') ? 'index.mjs' : 'index.cjs';
}

async function bun({ words, ...bundling }: Bundling): Promise<string> {
  const { project, entry, format, out } = bundling;
  const file = fileOf({ words, ...bundling });
  const program = await fetchProgram(`@oven/bun-linux-x64@${BUN}`, 'bin/bun');
  const how = ['--target=node', `--format=${format}`, `--outfile=${join(out, file)}`];
  // Bun greets by what it has made.
  await run(program, ['build', entry, ...how, ...split(words)], { cwd: project });
  return file;
}

function split(words: string): string[] {
  return words.split(' ').filter((word) => word !== '');
}

const rolldown = script(
  ({ project, entry, format, out, words, ...rest }) => `
    import { build } from 'rolldown';
    await build({
      input: ${text(join(project, entry))},
      platform: 'node',
      output: { file: ${text(join(out, fileOf({ project, entry, format, out, words, ...rest })))}, format: '${format}' },
      ${words}
    });
  `,
);

// Without esmExternals a require() of what is left out becomes an import of its default export.
const rollup = script(
  ({ project, entry, format, out, words, ...rest }) => `
    import { rollup } from 'rollup';
    import resolve from '@rollup/plugin-node-resolve';
    import commonjs from '@rollup/plugin-commonjs';
    const bundle = await rollup({
      input: ${text(join(project, entry))},
      plugins: [resolve({ preferBuiltins: true }), commonjs({ esmExternals: true })],
      ${words}
    });
    await bundle.write({
      file: ${text(join(out, fileOf({ project, entry, format, out, words, ...rest })))},
      format: '${format}',
    });
  `,
);

const webpack = (mode: string) =>
  script(({ project, entry, format, out, words, ...rest }) => {
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
          filename: '${fileOf({ project, entry, format, out, words, ...rest })}',
          module: ${format === 'esm'},
        },
        ${words}
      }, (error, result) => (error ? reject(error) : resolve(result))));
      if (stats.hasErrors() || stats.hasWarnings()) console.error(stats.toString('errors-warnings'));
    `;
  });

const vite = (settings: string) =>
  script(({ project, entry, format, out, words, ...rest }) => {
    const file = fileOf({ project, entry, format, out, words, ...rest });
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
      }, { ${words} }));
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
