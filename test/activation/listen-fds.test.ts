// listenFds() and listenFd(): the passed descriptors, by name.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { describe, expect, test } from 'vitest';
import type { LaunchOptions } from '../support/launch.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { root } from '../support/tools.ts';
import { notActivated, run } from './run.ts';

const folder = temporaryFolder();

describe('listenFds', () => {
  test('lists what was passed, from fd 3 on, with its names', async () => {
    const specs = [
      'tcp:127.0.0.1:0',
      'udp:127.0.0.1:0',
      `unix:${folder}/stream`,
      `unix:@${folder}`,
      `unix-dgram:${folder}/dgram`,
      `unix-seqpacket:${folder}/seqpacket`,
      `fifo:${folder}/fifo`,
      `file:${folder}/file`,
    ];
    const names = 'web:udp:unix:abstract:dgram:seqpacket:fifo:file';
    const socket = { kind: 'socket', protocol: 0, listening: true };
    const port = expect.any(Number);
    expect(await run(specs, 'const result = listenFds();', { names })).toEqual([
      {
        ...{ ...socket, fd: 3, name: 'web', family: 'inet', type: 'stream', protocol: 6 },
        localAddress: { family: 'inet', address: '127.0.0.1', port },
      },
      {
        ...{ ...socket, fd: 4, name: 'udp', family: 'inet', type: 'dgram', protocol: 17 },
        listening: false,
        localAddress: { family: 'inet', address: '127.0.0.1', port },
      },
      {
        ...{ ...socket, fd: 5, name: 'unix', family: 'unix', type: 'stream' },
        localAddress: { family: 'unix', path: `${folder}/stream` },
      },
      {
        ...{ ...socket, fd: 6, name: 'abstract', family: 'unix', type: 'stream' },
        localAddress: {
          family: 'unix',
          abstract: folder,
          bytes: expect.anything(),
        },
      },
      {
        ...{ ...socket, fd: 7, name: 'dgram', family: 'unix', type: 'dgram', listening: false },
        localAddress: { family: 'unix', path: `${folder}/dgram` },
      },
      {
        ...{ ...socket, fd: 8, name: 'seqpacket', family: 'unix', type: 'seqpacket' },
        localAddress: { family: 'unix', path: `${folder}/seqpacket` },
      },
      { fd: 9, name: 'fifo', kind: 'fifo', path: `${folder}/fifo` },
      { fd: 10, name: 'file', kind: 'file', path: `${folder}/file` },
    ]);
  });

  test('describes each descriptor as inspect() does, and adds its name', async () => {
    const source = `
      const result = listenFds().map(({ name, ...rest }) => [rest, inspect(rest.fd)]);
    `;
    const specs = ['tcp:127.0.0.1:0', 'pipe', 'tcp-connected'];
    const pairs = (await run(specs, source)) as [unknown, unknown][];
    expect(pairs).toHaveLength(3);
    for (const [listed, inspected] of pairs) expect(listed).toEqual(inspected);
  });

  test.each<[string, string | undefined, string[]]>([
    ['"unknown" without LISTEN_FDNAMES', undefined, ['unknown', 'unknown', 'unknown']],
    ['shared by several', 'a:b:a', ['a', 'b', 'a']],
    ['empty', 'a::c', ['a', '', 'c']],
    ['with an escaped colon', 'a\\:b:c:d', ['a:b', 'c', 'd']],
  ])('names may be %s', async (_what, names, expected) => {
    const source = `
      const result = {
        names: listenFds().map(({ name }) => name),
        byName: [...new Set(listenFds().map(({ name }) => name))].map((name) => [
          name,
          listenFds(name).map(({ fd }) => fd),
        ]),
      };
    `;
    const passed = await run(
      ['pipe', 'pipe', 'pipe'],
      source,
      names === undefined ? {} : { names },
    );
    const fdsOf = (name: string) => [3, 4, 5].filter((fd) => expected[fd - 3] === name);
    expect(passed).toEqual({
      names: expected,
      byName: [...new Set(expected)].map((name) => [name, fdsOf(name)]),
    });
  });

  test('returns the same frozen list on every call, and [] for a name that no descriptor has', async () => {
    const source = `
      const list = listenFds();
      const [{ localAddress, peerAddress }] = list;
      const result = {
        same: listenFds() === list,
        sameDescriptor: listenFds('a')[0] === list[0],
        frozen: [list, ...list, localAddress, peerAddress].map(Object.isFrozen),
        none: listenFds('b'),
      };
    `;
    expect(await run(['tcp-connected'], source, { names: 'a' })).toEqual({
      same: true,
      sameDescriptor: true,
      frozen: [true, true, true, true],
      none: [],
    });
  });

  test.each<[string, LaunchOptions]>([
    ['nothing is set', notActivated],
    ['LISTEN_PID is another process', { pid: 99_999_999 }],
    ['LISTEN_PID is the parent', { pid: process.pid }],
    ['LISTEN_PID is unset', { pid: 'none' }],
    ['LISTEN_PID is empty', { pid: '' }],
    ['LISTEN_FDS is unset', { fds: 'none' }],
  ])('is [] and listenFd() undefined when %s', async (_what, options) => {
    const source = `
      const result = [listenFds(), listenFds() === listenFds(), listenFd(), listenFd('web')];
    `;
    expect(await run(['tcp:127.0.0.1:0'], source, options)).toEqual([[], true, null, null]);
  });

  test.each<[string, LaunchOptions, string, RegExp]>([
    ['LISTEN_PID is a word', { pid: 'abc' }, 'EINVAL', /LISTEN_PID='abc'/],
    ['LISTEN_PID is 0', { pid: '0' }, 'ERANGE', /LISTEN_PID='0'/],
    ['LISTEN_PID is negative', { pid: '-1' }, 'ERANGE', /LISTEN_PID='-1'/],
    ['LISTEN_PID is too large', { pid: '99999999999' }, 'ERANGE', /LISTEN_PID='99999999999'/],
    ['LISTEN_FDS is a word', { fds: 'abc' }, 'EINVAL', /LISTEN_PID='\d+' LISTEN_FDS='abc'/],
    ['LISTEN_FDS is 0', { fds: '0' }, 'EINVAL', /LISTEN_FDS='0'/],
    ['LISTEN_FDS is negative', { fds: '-1' }, 'EINVAL', /LISTEN_FDS='-1'/],
    ['LISTEN_FDS is too large', { fds: '99999999999' }, 'ERANGE', /LISTEN_FDS='99999999999'/],
    ['LISTEN_FDS would overflow', { fds: '2147483647' }, 'EINVAL', /LISTEN_FDS='2147483647'/],
    // Node itself opens the lowest numbers before any JavaScript runs: 300 is beyond those.
    [
      'LISTEN_FDS counts closed ones',
      { fds: '300' },
      'EBADF',
      /LISTEN_FDS='300'.* open from fd 3 on$/,
    ],
    ['LISTEN_FDNAMES has too few', { names: '', fds: 2 }, 'EINVAL', /LISTEN_FDNAMES=''/],
    ['LISTEN_FDNAMES has too many', { names: 'a:b' }, 'EINVAL', /LISTEN_FDNAMES='a:b'/],
    ['LISTEN_FDNAMES ends in an escape', { names: 'a\\' }, 'EINVAL', /LISTEN_FDNAMES='a\\'/],
  ])(
    'throws the same error on every call, and consumes the environment, when %s',
    async (_what, options, code, shown) => {
      const source = `
      const first = caught(listenFds);
      const again = [listenFds, () => listenFds('web'), listenFd, () => listenFd('web')].map(caught);
      const result = {
        ...facts(first),
        name: first.name,
        again: again.map((error) => error === first),
        variables: variables(),
      };
    `;
      const errno = { EINVAL: -22, ERANGE: -34, EBADF: -9 }[code];
      const result = await run(['tcp:127.0.0.1:0'], source, options);
      expect(result).toEqual({
        ...{ name: 'SystemdError', code, errno, syscall: 'sd_listen_fds_with_names' },
        message: expect.stringMatching(shown),
        again: [true, true, true, true],
        variables: [],
      });
    },
  );

  test('throws ERR_INVALID_ARG_TYPE for a name that is no string', async () => {
    const source = `
      const calls = [() => listenFds(1), () => listenFds(null), () => listenFd({})];
      const result = calls.map(caught).map(({ name, code }) => [name, code]);
    `;
    const mistake = ['TypeError', 'ERR_INVALID_ARG_TYPE'];
    expect(await run(['pipe'], source)).toEqual([mistake, mistake, mistake]);
  });

  test('lists and names 1,000 descriptors', async () => {
    const fds = Array.from({ length: 1000 }, (_, i) => openSync(join(folder, `file-${i}`), 'w'));
    const source = `
      import { listenFds } from 'libsystemd';
      console.log(JSON.stringify(listenFds()));
    `;
    const names = fds.map((_, i) => `name-${i}`);
    try {
      // A shell sets LISTEN_PID, and exec keeps its PID, because the launcher passes at most 509 descriptors.
      const command = 'LISTEN_PID=$$ exec "$0" --input-type=module -e "$1"';
      const child = spawn('/bin/sh', ['-c', command, process.execPath, source], {
        cwd: root,
        env: { ...process.env, LISTEN_FDS: '1000', LISTEN_FDNAMES: names.join(':') },
        stdio: ['ignore', 'pipe', 'inherit', ...fds],
      });
      const [passed] = await Promise.all([json(child.stdout!), once(child, 'close')]);
      expect(passed).toEqual(
        names.map((name, i) => ({
          fd: 3 + i,
          name,
          kind: 'file',
          path: join(folder, `file-${i}`),
        })),
      );
    } finally {
      for (const fd of fds) closeSync(fd);
    }
  });
});

describe('listenFd', () => {
  test.each<[string, string, LaunchOptions]>([
    ['the only one', '', {}],
    ['the only one, by the name it has', "'web'", { names: 'web' }],
    ['the one of this name', "'web'", { names: 'web:admin' }],
  ])('returns %s', async (_what, argument, options) => {
    const specs = options.names === 'web:admin' ? ['pipe', 'pipe'] : ['pipe'];
    const source = `
      const result = [listenFd(${argument}).fd, listenFd(${argument}) === listenFds()[0]];
    `;
    expect(await run(specs, source, options)).toEqual([3, true]);
  });

  test.each<[string, string, string, string]>([
    [
      'several descriptors were passed, and no name is given',
      '',
      'ERR_SYSTEMD_FD_COUNT',
      'Expected one descriptor, and 3 were passed; name one of them',
    ],
    [
      'several descriptors share the name',
      "'web'",
      'ERR_SYSTEMD_FD_COUNT',
      'Expected one descriptor named "web", and 2 were passed',
    ],
    [
      'no descriptor has the name',
      "'api'",
      'ERR_SYSTEMD_FD_NAME',
      'No descriptor named "api" was passed (FileDescriptorName= of the socket unit). These were passed',
    ],
    [
      'no descriptor has the name, which would write to a terminal',
      String.raw`'\x1b[2J\n'`,
      'ERR_SYSTEMD_FD_NAME',
      String.raw`No descriptor named "\x1b[2J\x0a" was passed (FileDescriptorName= of the socket unit). These were passed`,
    ],
  ])('throws, and lists what was passed, when %s', async (_what, argument, code, sentence) => {
    const specs = ['tcp:127.0.0.1:0', `unix:${folder}/${code}-${argument.length}`, 'pipe'];
    const source = `const result = facts(caught(() => listenFd(${argument})));`;
    const result = await run(specs, source, { names: 'web:web:log' });
    const { code: thrown, message } = result as { code: string; message: string };
    expect(thrown).toBe(code);
    expect(message.split('\n')).toEqual([
      `${sentence}:`,
      expect.stringMatching(/^ {2}fd 3 "web": inet stream socket listening on 127\.0\.0\.1:\d+$/),
      `  fd 4 "web": unix stream socket listening on ${specs[1]!.slice('unix:'.length)}`,
      '  fd 5 "log": fifo',
    ]);
  });
});
