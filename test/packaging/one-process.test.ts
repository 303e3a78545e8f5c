// Several copies of the package in one process: they share the state of the service.
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { httpGet } from '../activation/clients.ts';
import { activate } from '../support/activate.ts';
import { makeFolder } from './deployed.ts';

const cwd = makeFolder();
afterAll(() => rmSync(cwd, { recursive: true }));

const installed = join(inject('app'), 'node_modules/libsystemd');

/** Installs two copies, one of another version, which the programs below import. */
beforeAll(() => {
  const other = join(cwd, 'node_modules/other');
  cpSync(installed, join(cwd, 'node_modules/libsystemd'), { recursive: true });
  cpSync(installed, join(other, 'node_modules/libsystemd'), { recursive: true });
  const packageJson = join(other, 'node_modules/libsystemd/package.json');
  const text = readFileSync(packageJson, 'utf8').replace(
    /"version": "[^"]+"/,
    '"version": "0.0.9"',
  );
  writeFileSync(packageJson, text);
  mkdirSync(other, { recursive: true });
  writeFileSync(
    join(other, 'package.json'),
    '{ "name": "other", "type": "module", "exports": "./index.js" }\n',
  );
  writeFileSync(join(other, 'index.js'), `export * from 'libsystemd';\n`);
});

/** Expressions that load a copy of the package. */
const COPIES = {
  'the ES module': `await import('libsystemd')`,
  'the CommonJS module': `require('libsystemd')`,
  'another version, of a dependency': `await import('other')`,
  'the ES module, loaded again': `await import(import.meta.resolve('libsystemd') + '?again')`,
  'the CommonJS module, loaded again': `(delete require.cache[require.resolve('libsystemd')], require('libsystemd'))`,
};
const [FIRST] = Object.values(COPIES);

/** Runs a program with a socket, and returns the value that it passes to `say()`. */
async function runWithSocket(name: string, source: string): Promise<unknown> {
  const file = join(cwd, `${name.replaceAll(/\W+/g, '-')}.mjs`);
  writeFileSync(
    file,
    `
    import { createRequire } from 'node:module';
    import { Worker } from 'node:worker_threads';
    const require = createRequire(import.meta.url);
    const say = (value) => console.log(JSON.stringify(value));
    ${source}
  `,
  );
  await using service = await activate([process.execPath, file], {
    on: ['tcp'],
    names: ['web'],
    cwd,
  });
  httpGet(service.addresses[0]!, '/').catch(() => undefined); // the request only starts the program
  return await service.next();
}

const others = Object.entries(COPIES).slice(1);

test.each(others)('%s sees the descriptors that the ES module has taken', async (name, other) => {
  const source = `
    const first = ${FIRST};
    const taken = first.listenFds();
    const other = ${other};
    say([first === other, taken, other.listenFds()]);
  `;
  const [same, taken, seen] = (await runWithSocket(name, source)) as [
    boolean,
    unknown[],
    unknown[],
  ];
  expect(same).toBe(false);
  expect(taken).toMatchObject([{ fd: 3, name: 'web' }]);
  expect(seen).toStrictEqual(taken);
});

test('the ES module sees the descriptors that the CommonJS module has taken', async () => {
  const source = `
    const taken = require('libsystemd').listenFds();
    say([taken, (${FIRST}).listenFds()]);
  `;
  const [taken, seen] = (await runWithSocket('reverse', source)) as unknown[];
  expect(taken).toMatchObject([{ fd: 3, name: 'web' }]);
  expect(seen).toStrictEqual(taken);
});

test.each(Object.entries(COPIES))(
  'a worker thread with %s sees what the main thread has taken',
  async (name, copy) => {
    const source = `
    const taken = (${FIRST}).listenFds();
    const thread = \`
      import { createRequire } from 'node:module';
      import { parentPort } from 'node:worker_threads';
      const require = createRequire(import.meta.url);
      parentPort.postMessage((${copy}).listenFds());
    \`;
    const { writeFileSync } = require('node:fs');
    const file = import.meta.filename.replace('.mjs', '-thread.mjs');
    writeFileSync(file, thread);
    new Worker(file).once('message', (seen) => say([taken, seen])).once('error', (error) => say(String(error)));
  `;
    const [taken, seen] = (await runWithSocket(`thread ${name}`, source)) as unknown[];
    expect(taken).toMatchObject([{ fd: 3, name: 'web' }]);
    expect(seen).toStrictEqual(taken);
  },
);

test.each(others)('%s cannot serve while the ES module does', async (name, other) => {
  const source = `
    const { createServer } = require('node:http');
    await (${FIRST}).serve(createServer());
    const other = ${other};
    await other.serve(createServer()).then(() => say('serves'), ({ code }) => say(code));
  `;
  expect(await runWithSocket(`serve ${name}`, source)).toBe('ERR_SYSTEMD_SERVING');
});
