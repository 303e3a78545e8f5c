// A machine without libsystemd. Calls with nothing to do work, and so do notifications. Every other call that needs
// libsystemd throws an error that says what to install.
//
// For these tests the loader finds an unusable libsystemd.so.0 before the real one, and fails as if there was none.
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { type Call, callWith, runWith } from '../support/descriptors.ts';
import type { LaunchOptions } from '../support/launch.ts';
import { NOTHING_DONE, NOTHING_TO_DO } from '../support/nothing-to-do.ts';
import { startReceiver } from '../support/receiver.ts';

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true });
});

/** The environment in which the loader finds a file with this content instead of libsystemd. */
function insteadOfLibsystemd(content: string): Record<string, string> {
  const folder = mkdtempSync(join(tmpdir(), 'no-libsystemd-'));
  folders.push(folder);
  writeFileSync(join(folder, 'libsystemd.so.0'), content);
  return { LD_LIBRARY_PATH: folder };
}

/** Options for a program that no manager has started. */
const UNMANAGED: LaunchOptions = { fds: 'none', pid: 'none' };

const isBooted = existsSync('/run/systemd/system');

function libraryError(syscall: unknown = expect.any(String)) {
  return {
    error: {
      name: 'SystemdError',
      message: expect.stringMatching(
        /^libsystemd\.so\.0 can't be loaded: install it .*libsystemd0.*\. The loader says: /,
      ),
      code: 'ERR_SYSTEMD_LIBRARY',
      syscall,
    },
  };
}

describe.for([
  ['an empty file', ''],
  ['a text', 'This is no library.\n'.repeat(10)],
])('with %s as libsystemd.so.0', ([, content]) => {
  const env = insteadOfLibsystemd(content!);

  test('without a manager no call has anything to do, and none fails', async () => {
    const found = await runWith([], `${NOTHING_TO_DO}result(values);`, { ...UNMANAGED, env });
    expect(found).toStrictEqual(NOTHING_DONE);
  });

  test('booted() is false on a machine that systemd has not booted', async () => {
    const [outcome] = await callWith([], [['libsystemd', 'booted']], { ...UNMANAGED, env });
    expect(outcome).toStrictEqual(isBooted ? libraryError('sd_booted') : { value: false });
  });

  test('inspect() and acceptQueue() need no libsystemd', async () => {
    const calls: Call[] = [
      ['libsystemd', 'inspect', 3],
      ['libsystemd', 'acceptQueue', 3],
    ];
    const [descriptor, queue] = await callWith(['tcp:127.0.0.1:0,backlog=9'], calls, { env });
    expect(descriptor).toMatchObject({ value: { kind: 'socket', listening: true } });
    expect(queue).toStrictEqual({ value: { waiting: 0, limit: 9 } });
  });

  test('with a Unix address in NOTIFY_SOCKET every notification is sent', async () => {
    await using receiver = await startReceiver();
    const source = `
      const { notify, watchdog, fdStore } = libsystemd;
      const sends = {
        send: () => notify.send({ ready: true }),
        text: () => notify.send('READY=1', { fds: [0] }),
        ready: () => notify.ready(),
        reloading: () => notify.reloading(),
        stopping: () => notify.stopping(),
        status: () => notify.status('x'),
        extendTimeout: () => notify.extendTimeout(1000),
        add: () => fdStore.add('x', 0),
        remove: () => fdStore.remove('x'),
        save: () => fdStore.save('x', new Uint8Array(1)),
        ping: () => watchdog.ping(),
        trigger: () => watchdog.trigger(),
      };
      const outcomes = Object.fromEntries(
        Object.entries(sends).map(([name, send]) => [name, outcome(send)]),
      );
      outcomes.barrier = await notify.barrier().then(
        (value) => ({ value }),
        (error) => ({ error: errorFacts(error) }),
      );
      result(outcomes);
    `;
    const found = await runWith([], source, {
      ...UNMANAGED,
      env: { ...env, NOTIFY_SOCKET: receiver.address },
    });
    const names = [
      ...['send', 'text', 'ready', 'reloading', 'stopping', 'status', 'extendTimeout'],
      ...['add', 'remove', 'save', 'ping', 'trigger', 'barrier'],
    ];
    expect(found).toStrictEqual(Object.fromEntries(names.map((name) => [name, { value: true }])));
    await receiver.until('BARRIER=1');
    expect(receiver.messages.map(({ message }) => message.replace(/=\d{4,}/g, '=…'))).toStrictEqual(
      [
        ...[
          'READY=1',
          'READY=1',
          'READY=1',
          'RELOADING=1\nMONOTONIC_USEC=…',
          'STOPPING=1',
          'STATUS=x',
        ],
        ...['EXTEND_TIMEOUT_USEC=…', 'FDSTORE=1\nFDNAME=x', 'FDSTOREREMOVE=1\nFDNAME=x'],
        ...['FDSTOREREMOVE=1\nFDNAME=x', 'FDSTORE=1\nFDNAME=x\nFDPOLL=0'],
        ...['WATCHDOG=1', 'WATCHDOG=trigger', 'BARRIER=1'],
      ],
    );
  });

  test('with any other NOTIFY_SOCKET, which libsystemd must read, notify says what to install', async () => {
    const source = `result(outcome(() => libsystemd.notify.ready()));`;
    const options = { ...UNMANAGED, env: { ...env, NOTIFY_SOCKET: 'vsock:2:1234' } };
    const error = libraryError('sd_pid_notify_with_fds');
    expect(await runWith([], source, options)).toStrictEqual(error);
  });

  test('with WATCHDOG_USEC watchdog.timeout() returns its value', async () => {
    const source = `result(outcome(() => libsystemd.watchdog.timeout()));`;
    const options = { ...UNMANAGED, env: { ...env, WATCHDOG_USEC: '3000000' } };
    expect(await runWith([], source, options)).toStrictEqual({ value: 3000 });
  });

  test('with descriptors listenFds() says what to install, on every call', async () => {
    const call: Call = ['libsystemd', 'listenFds'];
    const outcomes = await callWith(['pipe'], [call, call], { env });
    const error = libraryError('sd_listen_fds_with_names');
    expect(outcomes).toStrictEqual([error, error]);
  });

  test('with descriptors for another process listenFds() returns []', async () => {
    const [outcome] = await callWith([], [['libsystemd', 'listenFds']], { fds: 1, pid: 1, env });
    expect(outcome).toStrictEqual({ value: [] });
  });

  test('every function of libsystemd/sd says what to install', async () => {
    const calls: Call[] = [
      ['sd', 'sd_listen_fds'],
      ['sd', 'sd_listen_fds_with_names'],
      ['sd', 'sd_is_fifo', 0],
      ['sd', 'sd_is_special', 0],
      ['sd', 'sd_is_socket', 0],
      ['sd', 'sd_is_socket_inet', 0],
      ['sd', 'sd_is_socket_sockaddr', 0, 0, { family: 'inet', address: '127.0.0.1' }],
      ['sd', 'sd_is_socket_unix', 0],
      ['sd', 'sd_is_mq', 0],
      ['sd', 'sd_notify', false, ''],
      ['sd', 'sd_pid_notify', 0, false, ''],
      ['sd', 'sd_pid_notify_with_fds', 0, false, '', []],
      ['sd', 'sd_notify_barrier', false, 0],
      ['sd', 'sd_pid_notify_barrier', 0, false, 0],
      ['sd', 'sd_pidfd_get_inode_id', 0],
      ['sd', 'sd_booted'],
      ['sd', 'sd_watchdog_enabled'],
    ];
    const outcomes = await callWith([], calls, { ...UNMANAGED, env });
    expect(outcomes).toStrictEqual(calls.map(([, name]) => libraryError(name)));
  });
});

describe('without a manager', () => {
  const MAPPED = `
    const mapped = () => {
      const maps = readFileSync('/proc/self/maps', 'utf8');
      return ['libsystemd.node', 'libsystemd.so'].filter((name) => maps.includes(name));
    };
  `;
  const run = (source: string) => runWith([], MAPPED + source, UNMANAGED);

  test('the import and calls with nothing to do load neither the add-on nor libsystemd', async () => {
    const source = `${NOTHING_TO_DO}libsystemd.booted(); result({ values, mapped: mapped() });`;
    expect(await run(source)).toStrictEqual({
      values: NOTHING_DONE,
      mapped: isBooted ? ['libsystemd.node', 'libsystemd.so'] : [],
    });
  });

  test('inspect() loads only the add-on, and a function of libsystemd/sd loads libsystemd too', async () => {
    const source = `
      libsystemd.inspect(0);
      const afterInspect = mapped();
      sd.sd_booted();
      result([afterInspect, mapped()]);
    `;
    const both = ['libsystemd.node', 'libsystemd.so'];
    expect(await run(source)).toStrictEqual([['libsystemd.node'], both]);
  });
});
