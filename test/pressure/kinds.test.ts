// onMemoryPressure() on a FIFO and a socket, and what it refuses.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { attempt, type Line, run, start, WRITE } from './support.ts';

const folder = temporaryFolder();
let paths = 0;
const newPath = () => join(folder, `path-${paths++}`);

function makeFifo(): string {
  const path = newPath();
  execFileSync('mkfifo', [path]);
  return path;
}

describe('a FIFO', () => {
  test.each([
    ['', {}],
    [' that gets the bytes of MEMORY_PRESSURE_WRITE, which are no report', WRITE],
  ])('tells of each write%s', async (_what, write) => {
    const MEMORY_PRESSURE_WATCH = makeFifo();
    const variables = {
      MEMORY_PRESSURE_WATCH,
      ...(typeof write === 'string' && { MEMORY_PRESSURE_WRITE: write }),
    };
    const source = `say(attempt(tell)); process.on('SIGUSR2', () => say({ asked: true }));`;
    await using program = start(variables, source);
    expect(await program.next<Line>()).toEqual({ source: MEMORY_PRESSURE_WATCH });
    await sleep(50); // for what must not come
    process.kill(program.pid as number, 'SIGUSR2');
    expect(await program.next<Line>()).toEqual({ asked: true });
    for (let i = 0; i < 3; i++) {
      const fifo = await open(MEMORY_PRESSURE_WATCH, 'w');
      await fifo.write('x');
      await fifo.close();
      expect(await program.next<Line>()).toEqual({ stalled: null });
    }
  });

  test('reports that come together are told together, and a full FIFO is emptied', async () => {
    const MEMORY_PRESSURE_WATCH = makeFifo();
    await using program = start(
      { MEMORY_PRESSURE_WATCH },
      `
      let end;
      onMemoryPressure(async () => {
        say({ call: true });
        await new Promise((resolve) => { end = resolve; });
        say({ ended: true });
      });
      process.on('SIGUSR2', () => end());
      say({ ready: true });`,
    );
    await program.next<Line>();
    const fifo = await open(MEMORY_PRESSURE_WATCH, 'w');
    await fifo.write('x');
    expect(await program.next<Line>()).toEqual({ call: true });
    // More than a FIFO holds, so this ends only if the program goes on to read while its listener is busy.
    for (let i = 0; i < 4; i++) await fifo.write(Buffer.alloc(100_000));
    await fifo.close();
    process.kill(program.pid as number, 'SIGUSR2');
    expect(await program.next<Line>()).toEqual({ ended: true });
    expect(await program.next<Line>()).toEqual({ call: true });
  });

  test('a listener that throws or rejects is an uncaught exception, and the watch goes on', async () => {
    const MEMORY_PRESSURE_WATCH = makeFifo();
    await using program = start(
      { MEMORY_PRESSURE_WATCH },
      `
      let calls = 0;
      onMemoryPressure(() => {
        if (calls++ === 0) throw new Error('thrown');
        return Promise.reject(new Error('rejected'));
      });
      say({ ready: true });`,
    );
    await program.next<Line>();
    const fifo = await open(MEMORY_PRESSURE_WATCH, 'w');
    for (const uncaught of ['thrown', 'rejected', 'rejected']) {
      await fifo.write('x');
      expect(await program.next<Line>()).toEqual({ uncaught });
    }
    await fifo.close();
  });

  test('keeps no process alive', () => {
    const MEMORY_PRESSURE_WATCH = makeFifo();
    expect(attempt({ MEMORY_PRESSURE_WATCH })).toEqual({ source: MEMORY_PRESSURE_WATCH });
  });

  test('after close() the listener is not called, not even for a report on its way', () => {
    const MEMORY_PRESSURE_WATCH = makeFifo();
    const lines = run(
      { MEMORY_PRESSURE_WATCH },
      `
      import { writeFileSync } from 'node:fs';
      const watch = onMemoryPressure(tell);
      writeFileSync(${JSON.stringify(MEMORY_PRESSURE_WATCH)}, 'x');
      const other = onMemoryPressure(() => { say({ other: true }); other.close(); clearInterval(stays); });
      const stays = stay();
      writeFileSync(${JSON.stringify(MEMORY_PRESSURE_WATCH)}, 'x');
      watch.close();`,
    );
    expect(lines).toEqual([{ other: true }]);
  });
});

/** A program that watches a socket, and the connection that it makes. */
async function watchSocket(
  more: string,
): Promise<{ program: ReturnType<typeof start>; end: Socket }> {
  const path = newPath();
  const server = createServer().listen(path);
  await once(server, 'listening');
  const program = start({ MEMORY_PRESSURE_WATCH: path, MEMORY_PRESSURE_WRITE: WRITE }, more);
  const [end] = (await once(server, 'connection')) as [Socket];
  server.close();
  return { program, end };
}

describe('a socket', () => {
  test('gets the bytes of MEMORY_PRESSURE_WRITE, and tells of each write', async () => {
    const { program, end } = await watchSocket('say(attempt(tell))');
    await using _program = program;
    const [bytes] = (await once(end, 'data')) as [Buffer];
    expect(bytes.toString()).toBe('some 200000 2000000\0');
    expect((await program.next<Line>()).source).toContain(folder);
    for (let i = 0; i < 2; i++) {
      end.write('x');
      expect(await program.next<Line>()).toEqual({ stalled: null });
    }
  });

  test('the watch ends with the other end', async () => {
    const { program, end } = await watchSocket(`
      const watch = onMemoryPressure(tell);
      while (watch.source !== undefined) await sleep(5);
      say({ source: null });`);
    await using _program = program;
    end.destroy();
    expect(await program.next<Line>()).toEqual({ source: null });
  });

  test('one on which nobody listens is a warning', async () => {
    const path = newPath();
    const code = `require('node:net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`;
    await once(spawn(process.execPath, ['-e', code]), 'exit');
    await using program = start({ MEMORY_PRESSURE_WATCH: path }, 'onMemoryPressure(tell)');
    expect(await program.next<Line>()).toEqual({
      warning: 'ECONNREFUSED',
      message: expect.stringContaining(path),
    });
  });

  test('keeps no process alive', async () => {
    const path = newPath();
    const server = createServer().listen(path);
    await once(server, 'listening');
    expect(attempt({ MEMORY_PRESSURE_WATCH: path })).toEqual({ source: path });
    server.close();
  });
});

const regularFile = newPath();
writeFileSync(regularFile, '');
mkdirSync(join(folder, 'folder'));

describe('nothing to do:', () => {
  test.each<[string, Record<string, string>]>([
    ['the variable is unset', {}],
    ['the unit has MemoryPressureWatch=off', { MEMORY_PRESSURE_WATCH: '/dev/null' }],
    ['the variable is empty', { MEMORY_PRESSURE_WATCH: '' }],
  ])('%s', (_what, variables) => {
    expect(attempt(variables)).toEqual({ source: null });
    expect(attempt(variables, '{ collect: true, fallback: false }')).toEqual({ source: null });
  });

  test.each(['system', 'cgroup'])('off is off, whatever the fallback: %s', (fallback) => {
    const options = `{ fallback: '${fallback}' }`;
    expect(attempt({ MEMORY_PRESSURE_WATCH: '/dev/null' }, options)).toEqual({ source: null });
  });

  test('no add-on is loaded', () => {
    const [line] = run(
      {},
      `
      import { readFileSync } from 'node:fs';
      onMemoryPressure(tell);
      say(/libsystemd/.test(readFileSync('/proc/self/maps', 'latin1').replaceAll(/.*\\.js$/gm, '')));`,
    );
    expect(line).toBe(false);
  });
});

describe('refuses', () => {
  test.each([
    ['a relative path', 'memory.pressure', 'ERR_SYSTEMD_MEMORY_PRESSURE', /absolute path/],
    ['a regular file elsewhere', regularFile, 'ERR_SYSTEMD_MEMORY_PRESSURE', /another file system/],
    ['a folder', join(folder, 'folder'), 'ERR_SYSTEMD_MEMORY_PRESSURE', /FIFO or a socket/],
    ['a device', '/dev/zero', 'ERR_SYSTEMD_MEMORY_PRESSURE', /FIFO or a socket/],
    ['a file that is not there', join(folder, 'absent'), 'ENOENT', /MEMORY_PRESSURE_WATCH/],
  ])('%s', (_what, path, code, message) => {
    const line = attempt({ MEMORY_PRESSURE_WATCH: path, MEMORY_PRESSURE_WRITE: WRITE });
    expect(line).toMatchObject({ name: 'SystemdError', code });
    expect(line?.message).toMatch(message);
    expect(line?.message).toContain(path);
  });

  test.each(['c29t*', 'c29tZ', '=AAA'])('bytes that are no base64: %s', (write) => {
    const variables = { MEMORY_PRESSURE_WATCH: makeFifo(), MEMORY_PRESSURE_WRITE: write };
    const { code, message } = attempt(variables) ?? {};
    expect(code).toBe('ERR_SYSTEMD_MEMORY_PRESSURE');
    expect(message).toContain(write);
  });

  test('control characters of the variables do not get into the message', () => {
    const { message } = attempt({ MEMORY_PRESSURE_WATCH: 'a\n\x1b[2J' }) ?? {};
    expect(message).toContain('a\\x0a\\x1b[2J');
  });

  test.each([
    ['undefined', '{}', 'ERR_INVALID_ARG_TYPE', /"listener"/],
    ['tell', 'null', 'ERR_INVALID_ARG_TYPE', /"options"/],
    ['tell', '{ signal: {} }', 'ERR_INVALID_ARG_TYPE', /"options\.signal".*AbortSignal/],
    ['tell', '{ collect: 1 }', 'ERR_INVALID_ARG_TYPE', /"options\.collect".*boolean/],
    ['tell', '{ fallback: true }', 'ERR_INVALID_ARG_VALUE', /'cgroup', 'system' or false/],
    ['tell', '{ colect: true }', 'ERR_INVALID_ARG_VALUE', /"collect", perhaps/],
  ])('onMemoryPressure(%s, %s)', (listener, options, code, message) => {
    const [line] = run({}, `say(attempt(${listener}, ${options}))`);
    expect(line?.code).toBe(code);
    expect(line?.message).toMatch(message);
  });
});
