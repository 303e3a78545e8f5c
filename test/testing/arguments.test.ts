// Wrong arguments: each is refused where the test made the call, with what was expected.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runInNewContext } from 'node:vm';
import { start, type Unit, type UnitOptions } from 'libsystemd/testing';
import { describe, expect, test } from 'vitest';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { does, failure, startUnit } from './support.ts';

const folder = temporaryFolder();

/** The first frame of an error's stack. */
const placeOf = ({ stack = '' }: Error) =>
  stack.split('\n').find((line) => line.startsWith('    at '));

describe('start() refuses', () => {
  test.each<[string, unknown, unknown, RegExp]>([
    ['a command that is no list', 4, {}, /"command" argument must be a list of words/],
    ['an empty command', [], {}, /a program and its arguments\. Received an instance of Array$/],
    ['an unknown option', ['true'], { socket: {} }, /"sockets", perhaps/],
    ['an unknown type', ['true'], { type: 'forking' }, /one of simple, exec, notify/],
    ['a time that is none', ['true'], { startTimeout: -1 }, /0 or more/],
    ['an unknown signal', ['true'], { killSignal: 'SIGFOO' }, /killSignal.*the name of a signal/],
    ['a signal that is a number', ['true'], { reloadSignal: 1 }, /reloadSignal.*of type string/],
    ['an exit code that is none', ['true'], { successExitStatus: [256] }, /from 0 to 255/],
    ['an exit code alone', ['true'], { successExitStatus: 3 }, /a list of exit codes and signals/],
    ['a variable that is no text', ['true'], { env: { PORT: 80 } }, /env\.PORT.*of type string/],
    ['an old release', ['true'], { systemd: 200 }, /a release from 252 to 262/],
    [
      'a wrong address',
      ['true'],
      { sockets: { a: 'x' } },
      /^options\.sockets\.a: 'x' is no address/,
    ],
    [
      'a wrong address in a list',
      ['true'],
      { sockets: { a: ['tcp', 'x'] } },
      /^options\.sockets\.a: 'x' is no address/,
    ],
    [
      'a port that is a number',
      ['true'],
      { sockets: { a: 8080 } },
      /sockets\.a" argument must be an address, such as 'tcp' or '8080'/,
    ],
    ['an empty word as the program', [''], {}, /a program and its arguments/],
    ['a command in one text', 'node server.mjs', {}, /a list of words: \['node', 'server\.mjs'\]/],
    ['a program in one text', 'server.mjs', {}, /a list of words: \['server\.mjs'\]/],
    ['a null as the command', null, {}, /"command" argument must be a list of words/],
    [
      'another command in one text',
      'app.service',
      { command: 'node' },
      /"options\.command".*a list of words/,
    ],
    ['a signal that is a controller', ['true'], { signal: new AbortController() }, /AbortSignal/],
    ['a signal that is a name', ['true'], { signal: 'SIGTERM' }, /signal.*AbortSignal/],
    ['sockets in a list', ['true'], { sockets: ['tcp'] }, /such as \{ http: 'tcp' \}/],
    ['sockets in a Map', ['true'], { sockets: new Map() }, /such as \{ http: 'tcp' \}/],
    ['a socket without a name', ['true'], { sockets: { '': 'tcp' } }, /1 to 255 characters/],
    ['a name with a colon', ['true'], { sockets: { 'a:b': 'tcp' } }, /no colon.*'a:b'/],
    ['a name that is no ASCII', ['true'], { sockets: { é: 'tcp' } }, /printable ASCII/],
    ['a store of half a descriptor', ['true'], { fdStore: 1.5 }, /fdStore.*an integer from 0/],
    ['a store of less than none', ['true'], { fdStore: -1 }, /fdStore.*an integer from 0/],
    ['a store that is a text', ['true'], { fdStore: '3' }, /fdStore.*of type number/],
    ['variables in a list', ['true'], { env: ['PORT=80'] }, /env.*an object of texts/],
    ['variables in a Map', ['true'], { env: new Map() }, /env.*an object of texts/],
    ['a variable with =', ['true'], { env: { 'A=B': '' } }, /names of variables/],
    ['a null byte in a variable', ['true'], { env: { A: '\0' } }, /without a null byte/],
    ['its socket as input without one', ['true'], { input: 'socket' }, /exactly one.*has none/],
    [
      'its socket as input with two',
      ['true'],
      { input: 'socket', sockets: { a: ['tcp', 'udp'] } },
      /exactly one socket, and this one has 2/,
    ],
    ['a unit file that is missing', '/nonexistent/app.service', {}, /there is no such file/],
  ])('%s', async (_what, command, options, message) => {
    const error = await failure(start(command as string[], options as object));
    expect(error.message).toMatch(message);
    expect(placeOf(error)).toContain('arguments.test.ts');
  });

  test('a template that no connection starts', async () => {
    const file = join(folder, 'echo@.service');
    mkdirSync(folder, { recursive: true });
    writeFileSync(file, '[Service]\nType=exec\nExecStart=/bin/sleep 60\n');
    const { message } = await failure(start(file));
    expect(message).toMatch(/it is a template, .* give echo@NAME\.service, .* echo\.socket beside/);
    const unit = await start(join(folder, 'echo@mine.service'));
    expect(unit.state).toBe('active');
    await unit.stop();
  });

  test('a socket unit, by the name of the service to give', async () => {
    const file = join(folder, 'hello.socket');
    mkdirSync(folder, { recursive: true });
    writeFileSync(file, '[Socket]\nListenStream=80\n');
    expect((await failure(start(file))).message).toContain('a socket unit; give hello.service');
  });

  test('StandardInput=socket of a unit file without a socket', async () => {
    const file = join(folder, 'app.service');
    mkdirSync(folder, { recursive: true });
    writeFileSync(file, '[Service]\nExecStart=/bin/true\nStandardInput=socket\n');
    expect((await failure(start(file))).message).toMatch(/exactly one socket/);
  });

  test('an address in use, with the stack of the call', async () => {
    const first = await startUnit(does('READY=1'), { sockets: { web: 'tcp' } });
    const sockets = { web: first.url('web').replace('http', 'tcp') };
    const error = await failure(start(['true'], { sockets }));
    expect(error.code).toBe('EADDRINUSE');
    expect(placeOf(error)).toContain('arguments.test.ts');
    await first.stop();
  });
});

test('start() takes objects of another realm, as a test runner may make them', async () => {
  const options = runInNewContext("({ sockets: { web: 'tcp' }, env: { A: 'b' } })");
  const unit = await startUnit(does('READY=1'), options);
  expect(unit.addresses).toHaveProperty('web');
  await unit.stop();
});

test('env may be process.env, or have variables that are undefined', async () => {
  const print = [process.execPath, '-e', 'console.log(process.env.PATH, "MISSING" in process.env)'];
  const printed = async (env: UnitOptions['env']) => {
    const unit = await startUnit(print, { type: 'oneshot', env });
    return unit.output.trim();
  };
  expect(await printed(process.env)).toBe(`${process.env['PATH']} false`);
  expect(await printed({ PATH: '/bin', MISSING: undefined })).toBe('/bin false');
});

test('a timeout of 0 is none, as in a unit file', async () => {
  const unit = await startUnit(does('on:SIGTERM=exit:0', 'wait:500', 'READY=1'), {
    startTimeout: 0,
    stopTimeout: 0,
    abortTimeout: 0,
  });
  await expect(unit.stop()).resolves.toMatchObject({ code: 0, result: 'success' });
});

describe('a unit refuses', () => {
  type Call = (unit: Unit) => unknown;

  test.each<[string, Call, RegExp]>([
    ['a path without /', (unit) => unit.url('web', 'health'), /begins with \//],
    ['a path that is no text', (unit) => unit.url('web', 1 as never), /path.*of type string/],
    ['the URL of no name', (unit) => unit.url(undefined as never), /name.*of type string/],
    ['a URL of another name', (unit) => unit.url('http'), /\(web, stats\)/],
    ['to connect to a datagram socket', (unit) => unit.connect('stats'), /a stream socket/],
    ['to connect to another name', (unit) => unit.connect('http'), /\(web, stats\)/],
    ['a signal that is none', (unit) => unit.kill('TERM' as never), /such as SIGTERM/],
    ['a signal that is a number', (unit) => unit.kill(15 as never), /signal.*of type string/],
    ['to wait for nothing', (unit) => unit.until({}), /state, status or errno/],
    ['to wait for a text', (unit) => unit.until('active' as never), /what.*of type object/],
    ['to wait for a state that is none', (unit) => unit.until({ state: 'up' as never }), /one of/],
    [
      'to wait for a result',
      (unit) => unit.until({ result: 'x' } as never),
      /what until\(\) waits/,
    ],
    ['a status that is a number', (unit) => unit.until({ status: 1 as never }), /or a RegExp/],
    ['an errno that is a name', (unit) => unit.until({ errno: 'EIO' as never }), /errno.*number/],
    [
      'a time that is none',
      (unit) => unit.until({ errno: 1 }, { timeout: -1 }),
      /timeout.*0 or more/,
    ],
    [
      'a time in the place of options',
      (unit) => unit.until({ errno: 1 }, 500 as never),
      /options.*of type object/,
    ],
  ])('%s', async (_what, call, message) => {
    const unit = await startUnit(['sleep', '60'], {
      type: 'simple',
      sockets: { web: 'tcp', stats: 'udp' },
    });
    const error = await failure((async () => await call(unit))());
    expect(error.message).toMatch(message);
    expect(error.code).toMatch(/^ERR_INVALID_ARG|^ERR_OUT_OF_RANGE/);
    expect(placeOf(error)).toContain('arguments.test.ts');
    await unit.stop();
  });

  test('a signal when it has no process', async () => {
    const unit = await startUnit(does('READY=1'));
    await unit.stop();
    const error = await failure((async () => unit.kill('SIGUSR1'))());
    expect(error.code).toBe('ERR_SYSTEMD_UNIT');
    expect(error.message).toMatch(/did not get SIGUSR1: it is inactive, and has no main process/);
  });
});
