// The files of dist/: which there are, and that a running process does not need them for long.
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';

import { createRequire } from 'node:module';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, test } from 'vitest';
import { spawnLaunched } from '../support/launch.ts';
import { startReceiver } from '../support/receiver.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { root } from '../support/tools.ts';

const dist = join(root, 'dist');
const programs = readdirSync(dist, { recursive: true, encoding: 'utf8' }).filter((file) =>
  file.endsWith('.js'),
);

test.each(programs)('dist/%s is ASCII, because V8 keeps other files as UTF-16', (file) => {
  expect(readFileSync(join(dist, file), 'latin1')).not.toMatch(/[^\0-\x7f]/);
});

test('the import knows the path of each file of dist/parts/', () => {
  const parts = readdirSync(join(dist, 'parts')).filter((file) => file.endsWith('.js'));
  const loadedByImport = readFileSync(join(dist, 'index.js'), 'utf8');
  const known = [...loadedByImport.matchAll(/new URL\("\.\/parts\/(.*?)", /g)].map(
    ([, name]) => name,
  );
  expect(known.length).toBeGreaterThan(5);
  expect(known.sort()).toEqual(parts.sort());
});

test.each(programs)('dist/%s loads no file that is not there', (file) => {
  // dist/index.js lends dist/parts/ the paths of the add-ons.
  const isLent = (path: string) => file.startsWith('parts/') && path === './prebuilt.js';
  const code = readFileSync(join(dist, file), 'latin1');
  const required = [...code.matchAll(/\brequire\("(\..*?)"\)/g)].map(([, path]) => path as string);
  const missing = required.filter(
    (path) => !isLent(path) && !existsSync(join(dist, file, '..', path)),
  );
  expect(missing).toEqual([]);
});

/** The names of the exports, each with the names of its members when it is an object. */
function shapeOf(exports: object): Record<string, string | string[]> {
  const shapes = Object.entries(exports).map(([name, value]) => [
    name,
    typeof value === 'object' ? Object.keys(value).sort() : `${typeof value} ${value.name}`,
  ]);
  return Object.fromEntries(shapes);
}

test('import, require() and bundlers get the same names', async () => {
  const required = shapeOf(createRequire(import.meta.url)(join(dist, 'cjs/index.js')));
  expect(shapeOf(await import(join(dist, 'index.js')))).toEqual(required);
  expect(shapeOf(await import(join(dist, 'whole.js')))).toEqual(required);
});

test('import, require() and bundlers get the same names of libsystemd/testing', async () => {
  const required = shapeOf(createRequire(import.meta.url)(join(dist, 'cjs/testing.js')));
  expect(shapeOf(await import(join(dist, 'testing.js')))).toEqual(required);
  expect(shapeOf(await import(join(dist, 'whole-testing.js')))).toEqual(required);
});

test('the import of libsystemd/testing loads the kit at its first use, and an error of it is of both classes', () => {
  const program = `
    import { createRequire } from 'node:module';
    import { start, UnitError } from 'libsystemd/testing';
    const require = createRequire(import.meta.url);
    const isLoaded = () => Object.keys(require.cache).some((file) => file.endsWith('cjs/testing.js'));
    console.log('imported:', isLoaded());
    const error = await start(['/bin/false']).catch((error) => error);
    console.log('used:', isLoaded());
    console.log(error.code, error instanceof UnitError, error instanceof require('libsystemd/testing').UnitError);
  `;
  const { stdout, stderr } = spawnSync(
    process.execPath,
    ['--input-type=module', '--eval', program],
    { cwd: root, encoding: 'utf8' },
  );
  expect(`${stdout}${stderr}`).toBe('imported: false\nused: true\nERR_SYSTEMD_UNIT true true\n');
});

test('the methods of import and require() have the same names', async () => {
  const { notify, watchdog, fdStore } = await import(join(dist, 'index.js'));
  for (const object of [notify, watchdog, fdStore]) {
    for (const [name, method] of Object.entries(object)) {
      if (typeof method === 'function') expect(method.name).toBe(name);
    }
  }
});

/** A service that uses a chunk for the first time in its stop hook. It prints what the hook was told. */
const SERVICE = `
  const server = createServer((_request, response) => response.end());
  const stop = () => console.log(\`saved: \${fdStore.save('state', new Uint8Array(8))}\`);
  serve(server, { stop });
`;
const FORMS = {
  'service.mjs': {
    source: `
      import { createServer } from 'node:http';
      import { fdStore, serve } from 'libsystemd';
      ${SERVICE}`,
    output: 'saved: true\n',
  },
  'service.cjs': {
    source: `
      const { createServer } = require('node:http');
      const { fdStore, serve } = require('libsystemd');
      ${SERVICE}`,
    output: 'saved: true\n',
  },
  // A worker needs neither the add-on nor the notifications, and has to load the rest all the same.
  'workers.mjs': {
    source: `
      import cluster from 'node:cluster';
      import { createServer } from 'node:http';
      import { serve } from 'libsystemd';
      const stop = () => console.log(cluster.isWorker ? 'worker stops' : 'primary stops');
      serve(createServer((_request, response) => response.end()), { stop, workers: 1 });`,
    output: 'worker stops\nprimary stops\n',
  },
};

/** Milliseconds after which a service has loaded all files. */
const LOADED = 1_500;

describe('a service whose package a deployment has replaced', () => {
  const folder = temporaryFolder();

  test.each(Object.entries(FORMS))('stops as ever: %s', async (name, { source, output }) => {
    await using receiver = await startReceiver();
    const installed = join(folder, name, 'node_modules/libsystemd');
    for (const file of ['dist', 'build/Release/libsystemd.node', 'package.json']) {
      cpSync(join(root, file), join(installed, file), { recursive: true });
    }
    const program = join(folder, name, name);
    writeFileSync(program, source);
    const env = { NOTIFY_SOCKET: receiver.address };
    const service = spawnLaunched(['tcp:127.0.0.1:0'], [process.execPath, program], { env });
    const printed = Promise.all([text(service.stdout), text(service.stderr)]);
    await receiver.next();
    await new Promise((done) => setTimeout(done, LOADED));
    rmSync(installed, { recursive: true });
    service.kill('SIGTERM');
    expect(await printed).toEqual([output, '']);
  });
});
