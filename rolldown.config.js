// Bundles lib/ into dist/, because an import of many files would take five times as long (npm run bench).
//
// - dist/index.js: `import 'libsystemd'`. Its functions load dist/parts/ at their first call (lib/import.ts).
// - dist/parts/: index.js, and chunks beside it, which are loaded at their first use (scripts/lazy-chunks.mjs).
// - dist/cjs/index.js: `require('libsystemd')`, with chunks beside it too. They are fewer, because Node takes longer for
//   each require() than dist/index.js takes for a file of dist/parts/.
// - dist/whole.js: all of it in one ES module, for bundlers, which choose it by the condition `module`.
// - dist/sd.js, dist/cjs/sd.js: `libsystemd/sd`
// - dist/auto.js, dist/cjs/auto.js: `libsystemd/auto`, which loads dist/cjs/automatic.js in a service, a chunk beside
//   dist/cjs/index.js
// - dist/cjs/testing.js: `libsystemd/testing`, which dist/testing.js loads at the first call (lib/import-testing.ts)
// - dist/whole-testing.js: the same in one ES module, for bundlers
// - dist/doctor.js, dist/cjs/doctor.js: `libsystemd/doctor`
// - dist/environment.js, dist/cjs/environment.js: `libsystemd/environment`
// - dist/journal.js, dist/cjs/journal.js: `libsystemd/journal`
// - dist/unix.js, dist/cjs/unix.js: `libsystemd/unix`
// - dist/pino.js, dist/winston.js and their copies in dist/cjs/: `libsystemd/pino`, `libsystemd/winston`
// - dist/cli.js: `npx libsystemd`
//
// A process may load several of these files, which contain the same modules (the add-on's loader, SystemdError).
// lib/base/process-state.ts makes them share their state. Comments are only in the .d.ts files, where editors look for them.
import { chmodSync } from 'node:fs';
import { basename } from 'node:path';
import { lazyChunks } from './scripts/lazy-chunks.mjs';

/** The chunks that a start seldom needs: what each is loaded for, and the modules in it. All else is in index.js. */
const seldom = {
  // the primary of cluster workers
  pool: /lib\/(service\/workers\/(ending|heartbeats|pool|process|replacement-delay)|activation\/cluster\/primary)\.ts/,
  // serve({ workers }) in the primary and in each worker
  workers: /lib\/service\/workers\/(?!settings|scheduling)/,
  // sockets of dgram
  datagrams: /lib\/traffic\/datagrams\.ts/,
  // servers of libsystemd/unix
  messages: /lib\/((activation\/server-kinds|traffic)\/unix|unix\/address)\.ts/,
  // processes of node:cluster that are not of serve({ workers })
  cluster: /lib\/activation\/cluster\/(inspect-primary|listen)\.ts/,
  // servers without a descriptor
  fallback: /lib\/(activation\/(fallback|other-process)|descriptor\/stale-path)\.ts/,
  // fdStore
  store: /lib\/(store\/(?!fd-store)|base\/(fd-names|plain-bytes))/,
  // onMemoryPressure() and serve({ memoryPressure }), with the second add-on
  pressure: /lib\/(pressure\/|addon\/(epoll|prebuilt-sockets|sockets|watcher-events)\.ts)/,
  // connection() and peerCredentials()
  connection: /lib\/(activation\/connection|descriptor\/peer-credentials)\.ts/,
};

/**
 * The chunks of dist/parts/. The stop of a service is in the chunk of its start, because a process that has used up its
 * descriptors can load none. A cluster worker of serve() starts without `inherited`, because its primary has told it what it
 * would ask the kernel, and without `notify`, because only the primary notifies.
 */
const parts = {
  ...seldom,
  // listenFds() and inspect(): what asks libsystemd and the kernel
  inherited:
    /lib\/(addon\/(addon-files|bundle-hint|exports|lack-of-descriptors|load|prohibition)|sd\/.*|descriptor\/(accept-queue|address|inspect|records|socket-options)|activation\/(cluster\/forks|environment|thread-list))\.ts/,
  // serve()
  service: /lib\/(service|traffic)\//,
  // notify: the messages to the service manager
  notify: /lib\/notification\/(?!manager-environment|sent-state|watchdog)/,
  // listen() and watchdog
  listen:
    /lib\/(activation\/(adopt|backlog|candidates|listen|listen-options|prepared-server|until-listening|server-kinds\/.*)|notification\/.*|base\/c-number|descriptor\/format)\.ts/,
};

/** The chunks of dist/cjs/. No other chunk uses automatic.js, which dist/auto.js and dist/cjs/auto.js load. */
const inCommonJs = { ...seldom, automatic: /lib\/auto(\/|matic\.ts)/ };

/**
 * Puts the paths of lib/addon/prebuilt.ts and prebuilt-sockets.ts into CommonJS files of their own, because ncc and @vercel/nft look for
 * `__dirname`, and don't recognize what `import.meta.url` becomes in CommonJS. ncc also skips files with syntax newer than
 * 2020.
 */
const commonJs = {
  name: 'common-js',
  transform: {
    filter: { id: /prebuilt(-sockets)?\.ts$/ },
    handler(code, id) {
      const file = basename(id, '.ts');
      const [, name] = /export function (\w+)/.exec(code);
      const source = code
        .replace(/^\/\/.*\n|\/\*[\s\S]*?\*\/\n/gm, '')
        .replace(`export function ${name}(): URL | undefined`, `exports.${name} = function ()`)
        .replace(
          /new URL\('(.*?)', import\.meta\.url\)/g,
          `require('node:url').pathToFileURL(__dirname + '/../$1')`,
        );
      this.emitFile({ type: 'asset', fileName: `${file}.js`, source: source.trimStart() });
      // From lib/addon/, because rolldown turns the path into one from lib/, and so from dist/cjs/.
      return `export const ${name} = () => require('../${file}.js').${name}();`;
    },
  },
};

/** dist/index.js lends these modules to dist/parts/, because they tell where dist/index.js is (lib/addon/dist-files.ts). */
const lentByImport = {
  name: 'lent-by-import',
  transform: {
    filter: { id: /\/lib\/addon\/(own-file|prebuilt)\.ts$/ },
    handler(code) {
      const names = Array.from(code.matchAll(/^export function (\w+)/gm), ([, name]) => name);
      return `export const { ${names.join(', ')} } = module.lent;`;
    },
  },
};

/**
 * The paths of the second add-on, from dist/parts/: for @vercel/nft alone, which looks for `__dirname`. dist/index.js gives no
 * `__dirname` to these files; the add-on is in the folder of the package then (lib/addon/addon-files.ts).
 */
const tracedFromParts = {
  name: 'traced-from-parts',
  transform: {
    filter: { id: /\/lib\/addon\/prebuilt-sockets\.ts$/ },
    handler: (code) =>
      code.replace(
        /new URL\('(.*?)', import\.meta\.url\)/g,
        `require('node:url').pathToFileURL(__dirname + '/../$1')`,
      ),
  },
};

/** Gives the folder its own package.json, because ncc skips .cjs files. */
const commonJsFolder = {
  name: 'common-js-folder',
  buildStart() {
    this.emitFile({ type: 'asset', fileName: 'package.json', source: '{ "type": "commonjs" }\n' });
  },
};

/** Writes characters beyond ASCII as escapes: one of them makes V8 keep the whole file as UTF-16, in twice the memory. */
const toAscii = (code) =>
  code.replace(/[^\0-\x7f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);

/** Writes the size of the file into the file, so that lib/addon/own-file.ts can tell the file from a user's bundle. */
const finish = {
  name: 'finish',
  generateBundle(_options, files) {
    for (const file of Object.values(files)) {
      if (file.type !== 'chunk') continue;
      const code = toAscii(file.code);
      file.code = code.replace('SIZE_OF_THIS_FILE', (name) =>
        String(code.length).padEnd(name.length),
      );
    }
  },
};

/** Makes a program of the file: npm does so when it installs the package, and nobody in the repository. */
const program = {
  name: 'program',
  banner: '#!/usr/bin/env node',
  writeBundle: (_options, files) => {
    for (const name of Object.keys(files)) chmodSync(`dist/${name}`, 0o755);
  },
};

/** The path of the rest of libsystemd/auto, from the CommonJS file of the entry. */
const automatic = {
  name: 'automatic',
  transform: {
    filter: { id: /lib\/auto\.ts$/ },
    handler: (code) => code.replace('./cjs/automatic.js', './automatic.js'),
  },
};

const bundle = ({ input, plugins = [], ...output }) => ({
  input,
  platform: 'node',
  preserveEntrySignatures: 'allow-extension',
  external: ['../prebuilt.js', '../prebuilt-sockets.js', 'winston'],
  plugins: [...plugins, finish],
  output: { ...output, comments: { legal: false, jsdoc: false, annotation: false } },
});

const split = (dir, chunks, plugins, further) =>
  bundle({
    input: { index: 'lib/index.ts' },
    plugins: [...plugins, lazyChunks(further)],
    format: 'cjs',
    dir,
    entryFileNames: '[name].js',
    chunkFileNames: '[name].js',
    codeSplitting: {
      includeDependenciesRecursively: false,
      groups: Object.entries(chunks).map(([name, test]) => ({ name, test })),
    },
  });

const bundles = [
  split('dist/cjs', inCommonJs, [commonJs, commonJsFolder], ['automatic']),
  split('dist/parts', parts, [lentByImport, tracedFromParts, commonJsFolder]),
  bundle({ input: 'lib/import.ts', format: 'esm', file: 'dist/index.js' }),
  bundle({ input: 'lib/index.ts', format: 'esm', file: 'dist/whole.js' }),
  bundle({ input: 'lib/sd.ts', format: 'esm', file: 'dist/sd.js' }),
  bundle({ input: 'lib/sd.ts', plugins: [commonJs], format: 'cjs', file: 'dist/cjs/sd.js' }),
  bundle({ input: 'lib/import-testing.ts', format: 'esm', file: 'dist/testing.js' }),
  bundle({ input: 'lib/testing.ts', format: 'esm', file: 'dist/whole-testing.js' }),
  bundle({
    input: 'lib/testing.ts',
    plugins: [commonJs],
    format: 'cjs',
    file: 'dist/cjs/testing.js',
  }),
  bundle({ input: 'lib/doctor.ts', format: 'esm', file: 'dist/doctor.js' }),
  bundle({
    input: 'lib/doctor.ts',
    plugins: [commonJs],
    format: 'cjs',
    file: 'dist/cjs/doctor.js',
  }),
  bundle({ input: 'lib/environment.ts', format: 'esm', file: 'dist/environment.js' }),
  bundle({
    input: 'lib/environment.ts',
    plugins: [commonJs],
    format: 'cjs',
    file: 'dist/cjs/environment.js',
  }),
  ...['journal', 'pino', 'winston'].flatMap((entry) => {
    const input = `lib/${entry}.ts`;
    return [
      bundle({ input, format: 'esm', file: `dist/${entry}.js` }),
      bundle({
        input,
        plugins: [commonJs],
        format: 'cjs',
        exports: 'named',
        file: `dist/cjs/${entry}.js`,
      }),
    ];
  }),
  bundle({ input: 'lib/unix.ts', format: 'esm', file: 'dist/unix.js' }),
  bundle({ input: 'lib/unix.ts', plugins: [commonJs], format: 'cjs', file: 'dist/cjs/unix.js' }),
  bundle({ input: 'lib/auto.ts', format: 'esm', file: 'dist/auto.js' }),
  bundle({ input: 'lib/auto.ts', plugins: [automatic], format: 'cjs', file: 'dist/cjs/auto.js' }),
  bundle({ input: 'lib/cli.ts', plugins: [program], format: 'esm', file: 'dist/cli.js' }),
];

for (const name of Object.keys(inCommonJs)) {
  // The entry would take the place of the chunk, which dist/cjs/index.js loads.
  if (bundles.some(({ output }) => output.file === `dist/cjs/${name}.js`)) {
    throw new Error(
      `The chunk ${name} has the name of an entry in dist/cjs/: give it another name`,
    );
  }
}

export default bundles;
