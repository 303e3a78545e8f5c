// `libsystemd activate --watch`: restarts that no client notices.
import { appendFileSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { LONG } from '../support/long.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { Launched, project, runs } from './launched.ts';

const parent = temporaryFolder();

/**
 * A server that writes when it begins and ends into lives.log, beside it, and answers with the text of answer.mjs. It
 * neither starts nor stops while there is a file hold.log.
 */
const SERVER = `
import { appendFileSync, existsSync } from 'node:fs';
import http from 'node:http';
import { serve } from 'libsystemd';
import { answer } from './answer.mjs';
const note = (what) => appendFileSync('lives.log', what + ' ' + process.pid + '\\n');
note('begin');
process.on('exit', () => note('end'));
const held = async () => {
  while (existsSync('hold.log')) await new Promise((resolve) => setTimeout(resolve, 10));
};
await held();
await serve(http.createServer((request, response) => response.end(answer)), { stop: held });
`;

const answerFile = (text: string) => `export const answer = ${JSON.stringify(text)};\n`;

/** Replaces a file at once, so that it changes once, and nobody reads a half of it. */
function replace(folder: string, name: string, text: string): void {
  const draft = join(folder, 'draft.log');
  writeFileSync(draft, text);
  renameSync(draft, join(folder, name));
}

const change = (folder: string, text: string) => replace(folder, 'answer.mjs', answerFile(text));

function server(): string {
  return project(parent, { 'server.mjs': SERVER, 'answer.mjs': answerFile('one') });
}

const watch = (cwd: string, ...args: readonly string[]) =>
  new Launched(
    ['--json', '--watch', '--listen', 'http=tcp', ...args, '--', process.execPath, 'server.mjs'],
    { cwd },
  );

const text = async (url: string) => (await fetch(url)).text();

/** How many programs ran at the same time at most, by what they have noted. */
function mostAtOnce(folder: string): number {
  let now = 0;
  let most = 0;
  for (const line of readFileSync(join(folder, 'lives.log'), 'utf8').trim().split('\n')) {
    now += line.startsWith('begin') ? 1 : -1;
    most = Math.max(most, now);
  }
  return most;
}

describe('a change', () => {
  test('restarts the program, and says which file it was', async () => {
    const cwd = server();
    await using launched = watch(cwd);
    await launched.until('ready');
    expect(await text(launched.url)).toBe('one');
    change(cwd, 'two');
    expect(await launched.until('changed')).toEqual({ event: 'changed', files: ['answer.mjs'] });
    const again = await launched.until('ready', 2);
    expect(again['away']).toBeGreaterThan(0);
    expect(await text(launched.url)).toBe('two');
    expect(mostAtOnce(cwd)).toBe(1);
  });

  test('of a file that the program writes itself is none', async () => {
    const cwd = server();
    await using launched = watch(cwd);
    await launched.until('ready'); // it has written lives.log
    appendFileSync(join(cwd, 'lives.log'), '');
    await sleep(400);
    expect(launched.all('changed')).toEqual([]);
  });

  test('of a path of --watch-path restarts it too', async () => {
    const cwd = server();
    writeFileSync(join(cwd, 'page.html'), '');
    await using launched = watch(cwd, '--watch-path', 'page.html');
    await launched.until('ready');
    writeFileSync(join(cwd, 'page.html'), '2');
    expect(await launched.until('changed')).toMatchObject({ files: ['page.html'] });
    await launched.until('ready', 2);
  });

  test('of a path of --watch-path alone restarts it as often as the file changes', async () => {
    const cwd = server();
    const page = join(cwd, 'page.html');
    writeFileSync(page, '0');
    const args = ['--json', '--type', 'exec', '--watch-path', page, '--', 'sleep', '600'];
    await using launched = new Launched(args, { cwd });
    // More often than a service may start in 10 seconds.
    for (let count = 1; count <= 7; count++) {
      await launched.until('ready', count);
      writeFileSync(page, String(count));
    }
    await launched.until('ready', 8);
  });

  test('starts a program again that has failed, while clients wait', async () => {
    const cwd = server();
    await using launched = watch(cwd);
    await launched.until('ready');
    replace(cwd, 'answer.mjs', 'throw new Error()');
    expect(await launched.until('exited', 2)).toMatchObject({ code: 1, next: 'change' });
    const waiting = text(launched.url);
    await sleep(100);
    change(cwd, 'three');
    expect(await waiting).toBe('three');
  });

  test('during a start leads to one more start, when the first is complete', async () => {
    const cwd = server();
    writeFileSync(join(cwd, 'hold.log'), '');
    await using launched = watch(cwd);
    await launched.until('started');
    for (let i = 1; i <= 3; i++) {
      change(cwd, `change ${i}`);
      await launched.until('changed', i);
    }
    rmSync(join(cwd, 'hold.log'));
    await launched.until('ready', 2);
    await sleep(400);
    const names = launched.events.map(({ event }) => event);
    const told = names.filter((name) => ['started', 'ready', 'stopping'].includes(name));
    expect(told).toEqual(['started', 'ready', 'stopping', 'started', 'ready']);
    expect(await text(launched.url)).toBe('change 3');
    expect(mostAtOnce(cwd)).toBe(1);
  });

  test('during a stop needs no further start', async () => {
    const cwd = server();
    await using launched = watch(cwd);
    await launched.until('ready');
    for (let i = 1; i <= 3; i++) {
      writeFileSync(join(cwd, 'hold.log'), '');
      change(cwd, `change ${i}`);
      await launched.until('stopping', i);
      replace(cwd, 'other.mjs', '');
      await launched.until('changed', 2 * i);
      rmSync(join(cwd, 'hold.log'));
      await launched.until('ready', i + 1);
    }
    await sleep(400);
    expect(launched.all('started').length).toBe(4);
    await launched.end('SIGTERM');
    expect(mostAtOnce(cwd)).toBe(1);
  });

  test('kills a program that does not stop, before the next is started', async () => {
    const source = `process.on('SIGTERM', () => {});\n${SERVER.replace("from 'libsystemd'", "from './serve.mjs'")}`;
    const serve = `
      import { listen, notify } from 'libsystemd';
      export const serve = async (server) => { await listen(server); notify.ready(); };
    `;
    const files = { 'server.mjs': source, 'answer.mjs': answerFile('one'), 'serve.mjs': serve };
    const cwd = project(parent, files);
    await using launched = watch(cwd, '--stop-timeout', '300ms');
    const { pid } = await launched.until('ready');
    change(cwd, 'two');
    await launched.until('ready', 2);
    expect(launched.all('exited')).toMatchObject([{ pid, signal: 'SIGKILL', next: 'now' }]);
    expect(await text(launched.url)).toBe('two');
    expect(runs(pid)).toBe(false);
  });
});

/** Sends a request on a connection of its own. Resolves with the error's code, or undefined when it was answered. */
function request(url: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const sent = get(url, { agent: false, headers: { connection: 'close' } }, (response) => {
      response.resume().on('end', () => resolve(undefined));
    });
    sent.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? String(error)));
  });
}

const RESTARTS = LONG ? 20 : 5;
const REQUESTS = LONG ? 2000 : 300;

test(`${RESTARTS} restarts refuse none of ${REQUESTS} requests`, { timeout: 180_000 }, async () => {
  const cwd = server();
  await using launched = watch(cwd);
  await launched.until('ready');
  let restarts = 0;
  let answered = 0;
  const failures: string[] = [];
  const client = async () => {
    while (restarts < RESTARTS || answered < REQUESTS) {
      const failure = await request(launched.url);
      if (failure === undefined) answered++;
      else failures.push(`${failure} after ${answered} requests and ${restarts} restarts`);
    }
  };
  const clients = Array.from({ length: 4 }, client);
  for (; restarts < RESTARTS; restarts++) {
    await sleep(50);
    change(cwd, `restart ${restarts}`);
    await launched.until('ready', restarts + 2);
  }
  await Promise.all(clients);
  expect(failures).toEqual([]);
  expect(answered).toBeGreaterThanOrEqual(REQUESTS);
  expect(mostAtOnce(cwd)).toBe(1);
});
