// The package managers that are tested, as npm packages in exact versions.
import { join } from 'node:path';
import { fetchPackage, fetchProgram } from '../support/npm-program.ts';

export interface Manager {
  readonly name: string;
  readonly version: string;
  /** The beginning of a command; the arguments of the package manager follow. */
  readonly command: readonly string[];
  /** The arguments that add a package to a project which has none. */
  readonly add: readonly string[];
  /** The arguments for an installation with an unchanged lockfile, as in CI. */
  readonly frozen: readonly string[];
  /** Node with the options that a program needs to find its packages. */
  readonly node: readonly string[];
  /** Variables with settings of the package manager. */
  readonly env: Readonly<Record<string, string>>;
}

/** The versions of Node. Most package managers run on the oldest; some need the newest. */
const NODES = { '20': '20.20.2', '22': '22.23.3', '24': '24.21.0' };
export type NodeVersion = keyof typeof NODES;

/** Fetches Node from npm, and returns its path. */
export async function fetchNode(version: NodeVersion): Promise<string> {
  return await fetchProgram(`node-linux-${process.arch}@${NODES[version]}`, 'bin/node');
}

interface Source extends Omit<Manager, 'version' | 'command' | 'node' | 'env'> {
  /** The npm package with its version, and the path of the program in it. */
  readonly package: string;
  readonly path: string;
  /** The version of Node for a program in JavaScript. Unset for a binary. */
  readonly runBy?: NodeVersion;
  /** Options that Node needs to find the installed packages. */
  readonly options?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

const npm = { path: 'bin/npm-cli.js', add: ['install'], frozen: ['ci'], runBy: '20' } as const;

const pnpm = { add: ['add'], frozen: ['install', '--frozen-lockfile'] } as const;

const yarn4 = {
  package: '@yarnpkg/cli-dist@4.18.1',
  path: 'bin/yarn.js',
  add: ['add'],
  frozen: ['install', '--immutable'],
  runBy: '20',
} as const;

/** By default Yarn 4 does not install packages that were published less than a day ago. */
const atOnce = { YARN_NPM_MINIMAL_AGE_GATE: '0' };
const pnp = { ...atOnce, YARN_NODE_LINKER: 'pnp' };
const nodeModules = { ...atOnce, YARN_NODE_LINKER: 'node-modules' };
const scriptsOn = { YARN_ENABLE_SCRIPTS: '1' };

/** Plug'n'Play, with the options that `yarn node` passes to Node. */
const plugAndPlay = {
  ...yarn4,
  options: ['--require', './.pnp.cjs', '--experimental-loader', './.pnp.loader.mjs'],
} as const;

const SOURCES: readonly Source[] = [
  { name: 'npm 9', package: 'npm@9.9.4', ...npm },
  { name: 'npm 10', package: 'npm@10.9.9', ...npm },
  { name: 'npm 11', package: 'npm@11.21.2', ...npm },
  // npm 12 does not run on Node 20.
  { name: 'npm 12', package: 'npm@12.2.2', ...npm, runBy: '24' },
  { name: 'pnpm 9', package: 'pnpm@9.15.9', path: 'bin/pnpm.cjs', runBy: '20', ...pnpm },
  { name: 'pnpm 10', package: 'pnpm@10.34.9', path: 'bin/pnpm.cjs', runBy: '20', ...pnpm },
  {
    name: 'pnpm 12',
    package: `@pnpm/exe.linux-${process.arch}@12.21.0`,
    path: 'pnpm',
    ...pnpm,
  },
  {
    name: 'Yarn 1',
    package: 'yarn@1.22.22',
    path: 'bin/yarn.js',
    add: ['add'],
    frozen: ['install', '--frozen-lockfile'],
    runBy: '20',
  },
  { name: 'Yarn 4, node_modules', ...yarn4, env: nodeModules },
  { name: 'Yarn 4, node_modules, scripts on', ...yarn4, env: { ...nodeModules, ...scriptsOn } },
  { name: 'Yarn 4, PnP', ...plugAndPlay, env: pnp },
  { name: 'Yarn 4, PnP, scripts on', ...plugAndPlay, env: { ...pnp, ...scriptsOn } },
  {
    name: 'Bun',
    package: `@oven/bun-linux-${process.arch === 'arm64' ? 'aarch64' : process.arch}@1.4.5`,
    path: 'bin/bun',
    add: ['add'],
    frozen: ['install', '--frozen-lockfile'],
  },
];

/** Fetches the package managers that are not cached yet. Returns all of them. */
export async function fetchManagers(): Promise<readonly Manager[]> {
  return await Promise.all(SOURCES.map(fetchManager));
}

async function fetchManager({ name, add, frozen, env = {}, ...source }: Source): Promise<Manager> {
  const node = await fetchNode(source.runBy ?? '20');
  const command =
    source.runBy === undefined
      ? [await fetchProgram(source.package, source.path)]
      : [node, join(await fetchPackage(source.package), source.path)];
  const version = source.package.replace(/^.*@/, '');
  return { name, version, add, frozen, env, command, node: [node, ...(source.options ?? [])] };
}
