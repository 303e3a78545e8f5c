// The programs that are tested: a table for each page of docs/programs.
import type { NodeVersion } from '../packaging/managers.ts';

export interface Program {
  /** The name of its units, and of its row in the results. */
  readonly name: string;
  /** The package whose version the results name. Default: none, because the program needs only Node. */
  readonly package?: string;
  /**
   * The folder of test/ with its packages, in which it runs, with what the script `build` of that folder has made.
   * Default: test/programs/packages, whose programs run in one folder.
   */
  readonly app?: string;
  /** The Node that builds and runs it. Default: this machine's, which may be too old for it. */
  readonly node?: NodeVersion;
  /** The path of its program from the root of the repository. Default: test/programs/servers/NAME.mjs. */
  readonly file?: string;
  /** The arguments of node. Default: the name of the file. */
  readonly command?: string;
  /** The module of clients/ that speaks its protocol. Default: http. */
  readonly client?: string;
  /** Properties of the target, beside its host and port. */
  readonly target?: Readonly<Record<string, unknown>>;
  /** The types of its sockets, which share a port. Default: a stream. */
  readonly sockets?: readonly ('stream' | 'dgram')[];
  /** The number of clients. Default: 6. */
  readonly clients?: number;
  /** The milliseconds from one exchange of a client to its next. Default: 10. */
  readonly pause?: number;
  /** Reads from its journal how many exchanges it has counted itself. All must have been counted. */
  readonly counted?: (journal: string) => number;
}

export type Topic = 'http' | 'commands' | 'realtime' | 'rpc' | 'protocols' | 'run-alongs';

const example = (name: string) => `examples/frameworks/${name}.mjs`;

const events = { path: '/events', expect: 'hello' };
const ticks = {
  path: '/graphql',
  query: `?query=${encodeURIComponent('subscription { ticks }')}`,
  expect: 'ticks',
};

/** Adds up the counters that statsd prints. */
const sumHits = (journal: string) =>
  [...journal.matchAll(/\bcounters: {[^}]*\bhits: (\d+)/g)].reduce(
    (sum, [, hits]) => sum + Number(hits),
    0,
  );

/** Counts what the application of Next has done by after(). */
const countAfter = (journal: string) => [...journal.matchAll(/^done after the response$/gm)].length;

const countSpans = (journal: string) => [...journal.matchAll(/^\s+name: 'POST',$/gm)].length;

export const programs: Readonly<Record<Topic, readonly Program[]>> = {
  http: [
    { name: 'express', package: 'express', file: example('express') },
    { name: 'fastify', package: 'fastify', file: example('fastify') },
    { name: 'koa', package: 'koa', file: example('koa') },
    { name: 'hono', package: '@hono/node-server', file: example('hono') },
    { name: 'nestjs-express', package: '@nestjs/core', target: { form: 'json' } },
    { name: 'nestjs-fastify', package: '@nestjs/core', target: { form: 'json' } },
    { name: 'h3', package: 'h3' },
    { name: 'srvx', package: 'srvx' },
    { name: 'restify', package: 'restify' },
    { name: 'polka', package: 'polka' },
    { name: 'http2', file: example('http2'), client: 'http2' },
    { name: 'http-proxy', package: 'http-proxy', client: 'http-proxy' },
  ],
  commands: [
    {
      name: 'next',
      package: 'next',
      app: 'apps/next',
      node: '24',
      target: { path: '/echo' },
      counted: countAfter,
    },
    {
      name: 'adapter-node',
      package: '@sveltejs/adapter-node',
      app: 'apps/sveltekit',
      node: '24',
      target: { path: '/echo', form: 'json' },
    },
    {
      name: 'nitro',
      package: 'nitropack',
      app: 'apps/nitro',
      node: '24',
      target: { path: '/echo' },
    },
    {
      name: 'nuxt',
      package: 'nuxt',
      app: 'apps/nuxt',
      node: '24',
      command: 'nitro.mjs',
      target: { path: '/echo' },
    },
    {
      name: 'verdaccio',
      package: 'verdaccio',
      app: 'packaging/registry',
      node: '24',
      client: 'verdaccio',
    },
    {
      name: 'node-red',
      package: 'node-red',
      app: 'preloaded/packages/node-red',
      target: { path: '/echo' },
    },
    {
      name: 'json-server',
      package: 'json-server',
      app: 'preloaded/packages/servers',
      target: { path: '/posts', form: 'json' },
    },
  ],
  realtime: [
    { name: 'ws', package: 'ws', file: example('ws'), client: 'websocket' },
    { name: 'socket.io', package: 'socket.io', client: 'socket.io' },
    {
      name: 'events',

      file: example('events'),
      client: 'events',
      target: { events },
    },
  ],
  rpc: [
    { name: 'grpc-js', package: '@grpc/grpc-js', client: 'grpc-js' },
    { name: 'trpc', package: '@trpc/server', target: { path: '/echo', form: 'trpc' } },
    {
      name: 'graphql-yoga',
      package: 'graphql-yoga',
      client: 'events',
      target: { path: '/graphql', form: 'graphql', events: ticks },
    },
    {
      name: 'apollo-server',
      package: '@apollo/server',
      target: { path: '/graphql', form: 'graphql' },
    },
  ],
  protocols: [
    { name: 'aedes', package: 'aedes', client: 'aedes' },
    { name: 'smtp-server', package: 'smtp-server', client: 'smtp-server' },
    { name: 'ftp-srv', package: 'ftp-srv', client: 'ftp-srv', clients: 3 },
    { name: 'ssh2', package: 'ssh2', client: 'ssh2', clients: 3 },
    {
      name: 'bittorrent-tracker',
      package: 'bittorrent-tracker',
      client: 'bittorrent-tracker',
      sockets: ['stream', 'dgram'],
    },
    { name: 'dns2', package: 'dns2', client: 'dns2', sockets: ['stream', 'dgram'] },
    {
      name: 'statsd',
      package: 'statsd',
      file: 'test/programs/servers/statsd.cjs',
      command: 'node_modules/statsd/stats.js statsd.conf',
      client: 'statsd',
      sockets: ['dgram'],
      counted: sumHits,
    },
  ],
  'run-alongs': [
    { name: 'piscina', package: 'piscina' },
    {
      name: 'opentelemetry',
      package: '@opentelemetry/sdk-node',
      command: '--import ./opentelemetry-setup.mjs opentelemetry.mjs',
      pause: 100,
      counted: countSpans,
    },
  ],
};
