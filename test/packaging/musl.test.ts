// The prebuilt add-ons in processes of musl, the C library of Alpine: in a small program that has the parts of Node-API
// that the add-on uses, on x64 and arm64; and the whole package in Bun for musl, a runtime that refuses an add-on that
// names glibc's libraries.
import { join } from 'node:path';
import { describe, expect, inject, test } from 'vitest';
import { findMusl, type Musl } from '../../scripts/musl.mjs';
import { prebuiltFile, processors, root } from '../../scripts/processors.mjs';
import { BUN_MUSL, makeBunLibraries } from '../support/bun-musl.ts';
import { launch } from '../support/launch.ts';
import { fetchProgram } from '../support/npm-program.ts';
import { startReceiver } from '../support/receiver.ts';
import { buildTools } from '../support/tools.ts';
import { run } from './machine.ts';

const cwd = inject('app');
const sources = join(root, 'test/packaging/musl');
const specs = ['tcp:127.0.0.1:0', 'pipe'];

await buildTools();

/** The arguments with which a compiler for glibc makes a program for musl. */
async function compilerArguments(
  compiler: string,
  { root, name, library }: Musl,
): Promise<string[]> {
  const own = await run(compiler, ['-print-file-name=include'], { cwd });
  const files = join(root, `usr/lib/${name}-linux-musl`);
  return [
    ...['-std=gnu11', '-D_GNU_SOURCE', '-Wall', '-Wextra', '-Werror', '-nostdinc'],
    ...['-isystem', join(root, `usr/include/${name}-linux-musl`), '-isystem', own.trim()],
    ...['-nostdlib', '-no-pie', '-rdynamic', `-Wl,--dynamic-linker,/lib/ld-musl-${name}.so.1`],
    ...[join(files, 'crt1.o'), join(files, 'crti.o'), library, join(files, 'crtn.o'), '-lgcc'],
  ];
}

describe.each([
  ['x64', []],
  ['arm64', ['qemu-aarch64', '-L']],
] as const)('in a program of musl on %s', (arch, emulator) => {
  const processor = processors.find((candidate) => candidate.arch === arch)!;
  const musl = findMusl(arch);

  test.skipIf(musl === undefined)('the functions work, without libsystemd', async () => {
    const compiler = `${processor.triplet}-gcc`;
    const program = join(cwd, `host-${arch}`);
    const headers = join(root, 'node_modules/node-api-headers/include');
    await run(
      compiler,
      [
        ...['-I', headers, join(sources, 'host.c'), '-o', program],
        ...(await compilerArguments(compiler, musl!)),
      ],
      { cwd },
    );
    await using manager = await startReceiver();
    const command = [
      ...(emulator.length > 0 ? [...emulator, musl!.root] : []),
      program,
      join(cwd, 'node_modules/libsystemd', prebuiltFile(processor)),
    ];
    const { stdout, stderr, code } = await launch(specs, command, {
      names: 'web:state',
      env: { NOTIFY_SOCKET: manager.address, WATCHDOG_USEC: '3000000' },
    });
    expect([stderr, code]).toEqual(['', 0]);
    const [implementation, ...lines] = stdout.trimEnd().split('\n');
    expect(implementation).toMatch(/^implementation 0 undefined( sd_\w+){17}$/);
    expect(lines).toEqual([
      ...['sd_booted 0', 'sd_listen_fds 2', 'sd_listen_fds_with_names 2 web state'],
      ...['sd_listen_fds 0', 'sd_is_socket 1', 'sd_is_socket_unix 0', 'sd_is_fifo 1'],
      ...['sd_is_fifo ERR_INVALID_ARG_TYPE', 'sd_is_fifo ERR_OUT_OF_RANGE', 'sd_is_special -9'],
      ...['sd_watchdog_enabled 1 3000000', 'sd_notify 1', 'sd_pid_notify_with_fds 1'],
      ...['sd_notify_barrier 1', 'sd_notify 0', 'inet_pton 1', 'dup 10', 'close 0'],
      'shared 0 undefined',
    ]);
    expect(manager.messages.map(({ message, fds }) => [message, fds.length])).toEqual([
      ...[
        ['READY=1', 0],
        ['FDSTORE=1', 1],
        ['BARRIER=1', 1],
      ],
    ]);
  });
});

test.runIf(process.arch === 'x64')(
  'in Bun for musl the package finds its add-on, and works',
  async () => {
    const bun = await fetchProgram(BUN_MUSL, 'bin/bun');
    const LD_LIBRARY_PATH = join(cwd, 'libraries-of-bun');
    await makeBunLibraries(LD_LIBRARY_PATH);
    await using manager = await startReceiver();
    const source = `
    import { readFileSync } from 'node:fs';
    import { acceptQueue, fdStore, listenFds, notify, watchdog } from 'libsystemd';
    import * as sd from 'libsystemd/sd';
    const passed = listenFds().map(({ fd, name, kind }) => [fd, name, kind]);
    const sent = [notify.ready('on musl'), fdStore.add('state', 4), sd.sd_notify_barrier(false, 60_000_000)];
    const maps = readFileSync('/proc/self/maps', 'utf8');
    const libraries = ['/libc.so.6', '-linux-musl/libc.so', '/libsystemd.so', '/prebuilds/linux-x64/libsystemd.node'];
    console.log(JSON.stringify({
      passed, sent, queue: acceptQueue(3).waiting, timeout: watchdog.timeout(),
      ...sd.implementation, mapped: libraries.map((name) => maps.includes(name)),
    }));
  `;
    const { stdout, stderr } = await launch(specs, [bun, '-e', source], {
      cwd,
      names: 'web:state',
      env: { LD_LIBRARY_PATH, NOTIFY_SOCKET: manager.address, WATCHDOG_USEC: '3000000' },
    });
    expect(stderr).toBe('');
    expect(JSON.parse(stdout)).toEqual({
      passed: [
        [3, 'web', 'socket'],
        [4, 'state', 'fifo'],
      ],
      ...{ sent: [true, true, true], queue: 0, timeout: 3000 },
      builtin: expect.arrayContaining(['sd_notify', 'sd_listen_fds_with_names', 'sd_booted']),
      mapped: [false, true, false, true],
    });
    expect(manager.messages.map(({ message }) => message)).toEqual([
      'READY=1\nSTATUS=on musl',
      'FDSTORE=1\nFDNAME=state',
      'BARRIER=1',
    ]);
  },
);
