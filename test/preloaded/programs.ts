// The programs of npm that are started with libsystemd/auto: a row each. To add one:
//
// 1. Add its package to packages/NAME/package.json, an old NAME or a new one, and run
//    `npm install --package-lock-only --ignore-scripts` there.
// 2. Add a row. PORT stands for the port of the socket unit, MODULES for the node_modules with the packages, and FILES for
//    the folder files/, which has what a program needs to read.
//
// A framework that builds a program has an application in test/apps.
import type { Program } from '../manager/preloaded.ts';
import type { NodeVersion } from '../packaging/managers.ts';

export interface PackagedProgram extends Omit<Program, 'cwd' | 'node'> {
  /** The folder of test/ with the lock file. */
  readonly packages: string;
  /** The folder from which the program runs, from the one of its packages. Default: that one. */
  readonly folder?: string;
  /** Requests of the visitors over ten restarts. Default: 400. */
  readonly requests?: number;
  /** What the program writes when it gets the signal. */
  readonly lastWords?: RegExp;
  /** The Node that builds and runs a program that this machine's may be too old for. */
  readonly node?: NodeVersion;
}

const SERVERS = 'preloaded/packages/servers';
const NEST = 'preloaded/packages/nest';

/** Programs that have a command. */
export const COMMANDS: readonly PackagedProgram[] = [
  {
    name: 'http-server',
    packages: SERVERS,
    args: ['MODULES/http-server/bin/http-server', 'FILES/site', '-p', 'PORT', '-c-1', '-s'],
  },
  {
    // Without a port it looks for a free one by portfinder, at each address of this machine.
    name: 'http-server without -p',
    packages: SERVERS,
    args: ['MODULES/http-server/bin/http-server', 'FILES/site', '-s'],
    env: { LIBSYSTEMD_AUTO: '8080=http-server-without-p-PORT.socket' },
  },
  {
    name: 'json-server',
    packages: SERVERS,
    args: ['MODULES/json-server/lib/cli/bin.js', '--port', 'PORT', '--ro', '-q', 'FILES/db.json'],
    page: '/posts',
  },
  {
    name: 'fastify-cli',
    packages: SERVERS,
    args: ['MODULES/fastify-cli/cli.js', 'start', '--port', 'PORT', 'FILES/fastify-app.cjs'],
  },
  {
    name: 'tsx',
    packages: SERVERS,
    preload: ['--import', 'tsx', '--import', 'libsystemd/auto'],
    args: ['FILES/app.ts'],
    env: { PORT: 'PORT' },
  },
  {
    // It listens before its flows run, and would answer 404 until then.
    name: 'Node-RED',
    packages: 'preloaded/packages/node-red',
    service: ['ExecStartPre=cp -rT FILES/node-red /tmp/node-red-PORT'],
    args: ['MODULES/node-red/red.js', '-u', '/tmp/node-red-PORT', '-p', 'PORT', 'flows.json'],
    env: { LIBSYSTEMD_AUTO_READY: 'http://127.0.0.1:PORT/hello', HOME: '/tmp' },
    page: '/hello',
  },
  {
    name: 'vite preview',
    packages: SERVERS,
    args: [
      ...['MODULES/vite/bin/vite.js', 'preview', 'FILES', '--outDir', 'site'],
      ...['--port', 'PORT', '--strictPort'],
    ],
  },
  {
    name: 'verdaccio',
    packages: 'packaging/registry',
    node: '24',
    service: ['ExecStartPre=install -D FILES/verdaccio.yaml /tmp/verdaccio-PORT/config.yaml'],
    args: [
      'MODULES/verdaccio/bin/verdaccio',
      ...['--config', '/tmp/verdaccio-PORT/config.yaml', '--listen', '127.0.0.1:PORT'],
    ],
    env: { HOME: '/tmp' },
  },
];

/** Programs that are written, or built, with a framework. */
export const FRAMEWORKS: readonly PackagedProgram[] = [
  {
    name: 'NestJS',
    packages: NEST,
    args: ['FILES/nest.mjs'],
    env: { PORT: 'PORT' },
  },
  {
    name: 'NestJS with shutdown hooks',
    packages: NEST,
    args: ['FILES/nest.mjs'],
    env: { PORT: 'PORT', HOOKS: '1' },
    lastWords: /shut down by SIGTERM/,
  },
  {
    name: 'next start',
    packages: 'apps/next',
    node: '24',
    args: ['MODULES/next/dist/bin/next', 'start', '-p', 'PORT'],
  },
  {
    name: 'next, standalone',
    packages: 'apps/next',
    node: '24',
    folder: '.next/standalone',
    args: ['server.js'],
    env: { PORT: 'PORT' },
  },
  {
    name: 'adapter-node',
    packages: 'apps/sveltekit',
    node: '24',
    args: ['build'],
    env: { PORT: 'PORT' },
    lastWords: /^shut down by SIGTERM$/m,
  },
  {
    name: 'Nitro',
    packages: 'apps/nitro',
    node: '24',
    args: ['.output/server/index.mjs'],
    env: { PORT: 'PORT' },
    lastWords: /^closed$/m,
  },
  {
    name: 'Nuxt',
    packages: 'apps/nuxt',
    node: '24',
    args: ['.output/server/index.mjs'],
    env: { PORT: 'PORT' },
    lastWords: /^closed$/m,
  },
];
