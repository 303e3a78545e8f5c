// A machine without libsystemd, where the built-in functions stand in, so that every call works.
import { existsSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { type Call, callWith, runWith } from '../support/descriptors.ts';
import type { LaunchOptions } from '../support/launch.ts';
import { NOTHING_DONE, NOTHING_TO_DO } from '../support/nothing-to-do.ts';
import { startReceiver } from '../support/receiver.ts';
import { withoutLibrary } from '../support/without-library.ts';

/** Options for a program that no manager has started. */
const UNMANAGED: LaunchOptions = { fds: 'none', pid: 'none' };

const isBooted = existsSync('/run/systemd/system');

describe.for([
  ['an empty file', ''],
  ['a text', 'This is no library.\n'.repeat(10)],
])('with %s as libsystemd.so.0', ([, content]) => {
  const env = withoutLibrary(content);

  test('without a manager no call has anything to do, and none fails', async () => {
    const found = await runWith([], `${NOTHING_TO_DO}result(values);`, { ...UNMANAGED, env });
    expect(found).toStrictEqual(NOTHING_DONE);
  });

  test('booted() tells whether systemd has booted the machine', async () => {
    const [outcome] = await callWith([], [['libsystemd', 'booted']], { ...UNMANAGED, env });
    expect(outcome).toStrictEqual({ value: isBooted });
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

  test('in the name of another process, which a built-in function sends, a notification arrives', async () => {
    await using receiver = await startReceiver();
    const source = `result(outcome(() => libsystemd.notify.send('X=1', { pid: process.ppid })));`;
    const options = { ...UNMANAGED, env: { ...env, NOTIFY_SOCKET: receiver.address } };
    expect(await runWith([], source, options)).toStrictEqual({ value: true });
    await receiver.until('X=1');
  });

  test('with an address of vsock(7), on which nobody listens, notify says so', async () => {
    const source = `result(outcome(() => libsystemd.notify.ready()));`;
    const options = { ...UNMANAGED, env: { ...env, NOTIFY_SOCKET: 'vsock-dgram:1:1234' } };
    const error = { name: 'SystemdError', syscall: 'sd_pid_notify_with_fds' };
    expect(await runWith([], source, options)).toMatchObject({ error });
  });

  test('with WATCHDOG_USEC watchdog.timeout() returns its value', async () => {
    const source = `result(outcome(() => libsystemd.watchdog.timeout()));`;
    const options = { ...UNMANAGED, env: { ...env, WATCHDOG_USEC: '3000000' } };
    expect(await runWith([], source, options)).toStrictEqual({ value: 3000 });
  });

  test('with descriptors listenFds() returns them', async () => {
    const source = `result(libsystemd.listenFds().map(({ fd, name, kind }) => [fd, name, kind]));`;
    const options = { env, names: 'a:b' };
    expect(await runWith(['pipe', 'tcp:127.0.0.1:0'], source, options)).toStrictEqual([
      [3, 'a', 'fifo'],
      [4, 'b', 'socket'],
    ]);
  });

  test('with descriptors for another process listenFds() returns []', async () => {
    const [outcome] = await callWith([], [['libsystemd', 'listenFds']], { fds: 1, pid: 1, env });
    expect(outcome).toStrictEqual({ value: [] });
  });

  test('every function of libsystemd/sd works', async () => {
    const address = { family: 'inet', address: '127.0.0.1' };
    const rows: (readonly [call: Call, value: unknown])[] = [
      [['sd', 'sd_listen_fds'], 3],
      [
        ['sd', 'sd_listen_fds_with_names'],
        ['unknown', 'unknown', 'unknown'],
      ],
      [['sd', 'sd_is_fifo', 3], true],
      [['sd', 'sd_is_special', 5], true],
      [['sd', 'sd_is_socket', 4], true],
      [['sd', 'sd_is_socket_inet', 4], true],
      [['sd', 'sd_is_socket_sockaddr', 4, 0, address], true],
      [['sd', 'sd_is_socket_unix', 4], false],
      [['sd', 'sd_is_mq', 4], false],
      [['sd', 'sd_notify', false, 'X=1'], true],
      [['sd', 'sd_pid_notify', 0, false, 'X=2'], true],
      [['sd', 'sd_pid_notify_with_fds', 0, false, 'X=3', [0]], true],
      [['sd', 'sd_notify_barrier', false, 60_000_000], true],
      [['sd', 'sd_pid_notify_barrier', 0, false, 60_000_000], true],
      [['sd', 'sd_booted'], isBooted],
      [['sd', 'sd_watchdog_enabled'], 3_000_000n],
    ];
    await using receiver = await startReceiver();
    const variables = { NOTIFY_SOCKET: receiver.address, WATCHDOG_USEC: '3000000' };
    const calls = rows.map(([call]) => call);
    const options = { env: { ...env, ...variables } };
    const specs = ['pipe', 'tcp:127.0.0.1:0', 'dev:/dev/null'];
    const outcomes = await callWith(specs, calls, options);
    expect(outcomes).toStrictEqual(rows.map(([, value]) => ({ value })));
    await receiver.until('BARRIER=1');
    await receiver.until('BARRIER=1');
    expect(receiver.messages.map(({ message }) => message)).toStrictEqual([
      ...['X=1', 'X=2', 'X=3', 'BARRIER=1', 'BARRIER=1'],
    ]);
  });

  test('implementation names no library, and all functions of sd-daemon(3)', async () => {
    const source = `
      const names = Object.keys(sd).filter((name) => /^sd_(?!journal_)/.test(name));
      const { library, builtin } = sd.implementation;
      result({ library, same: names.sort().join() === [...builtin].sort().join() });
    `;
    const found = await runWith([], source, { ...UNMANAGED, env });
    expect(found).toStrictEqual({ library: undefined, same: true });
  });

  test('implementation prints as its values', async () => {
    const source = `
      const { inspect } = process.getBuiltinModule('node:util');
      result([inspect(sd.implementation), inspect({ ...sd.implementation })]);
    `;
    const [printed, copy] = (await runWith([], source, { ...UNMANAGED, env })) as [string, string];
    expect(printed).toMatch(/^{\s+library: undefined,\s+builtin: \[\s+'sd_listen_fds',/);
    expect(printed).toBe(copy);
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

  test('implementation is frozen, loads nothing before it is looked at, and then the library', async () => {
    const source = `
      const before = mapped();
      const frozen = Object.isFrozen(sd.implementation) && Object.isFrozen(sd.implementation.builtin);
      const { library, builtin } = { ...sd.implementation };
      result([before, frozen, library, Array.isArray(builtin), mapped()]);
    `;
    const both = ['libsystemd.node', 'libsystemd.so'];
    expect(await run(source)).toStrictEqual([[], true, 'libsystemd.so.0', true, both]);
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
