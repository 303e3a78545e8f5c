// A service in the surroundings of a container: a root file system that has node, the C library and the program, and
// nothing else; and a PID namespace in which node is process 1.
import { expect, test } from 'vitest';
import { describeInBed } from './bed.ts';
import { REPOSITORY } from './manager.mjs';

const IMAGE = '/run/image';
const PROGRAM = `/usr/bin/node ${REPOSITORY}/test/manager/programs/contained.mjs`;
const LISTEN = '127.0.0.1:9790';

describeInBed('in a root file system without libsystemd and without a shell', [], (bed) => {
  /** Adds a service that sees only node, its libraries and /opt. `folder` is the root of the mounts. */
  async function add(folder: string, ...lines: readonly string[]): Promise<void> {
    const ldd = await bed().run('ldd', '/usr/bin/node');
    const libraries = [...ldd.matchAll(/\/\S+/g)].map(([path]) => path);
    expect(ldd).not.toContain('libsystemd');
    const paths = ['/usr/bin/node', '/opt', ...libraries];
    const mounts = paths.map((path) => `BindReadOnlyPaths=${path}:${folder}${path}`);
    await bed().run('mkdir', '-p', `${IMAGE}/proc`);
    await bed().add({
      'app.socket': `[Socket]\nListenStream=${LISTEN}\n`,
      'app.service': ['[Service]', 'Type=notify', 'NotifyAccess=all', ...mounts, ...lines].join(
        '\n',
      ),
    });
    await bed().systemctl('start', 'app.socket');
  }

  /** Adds a service whose node is process 1 of a PID namespace, with the variables of a container of podman. */
  async function addContainer(program: string, ...lines: readonly string[]): Promise<void> {
    // An engine has a path of its own for NOTIFY_SOCKET, and does not pass the variables that name pids of the host.
    const env = [
      '--unset=WATCHDOG_PID',
      '--unset=LISTEN_PIDFDID',
      'LISTEN_PID=1',
      'NOTIFY_SOCKET=/run/notify/notify.sock',
    ];
    const unshare = `unshare --pid --fork --mount --root=${IMAGE} --mount-proc`;
    await add(
      IMAGE,
      `BindReadOnlyPaths=/run/systemd/notify:${IMAGE}/run/notify/notify.sock`,
      `ExecStart=/usr/bin/env ${env.join(' ')} ${unshare} ${program}`,
      ...lines,
    );
  }

  const facts = () =>
    bed().evaluate<{ pid: number; library: string; bin: string[] }>(
      `result(await (await fetch('http://${LISTEN}')).json());`,
    );

  test('RootDirectory=: the built-in functions take the socket and notify', async () => {
    await add('', `RootDirectory=${IMAGE}`, 'MountAPIVFS=yes', `ExecStart=${PROGRAM}`);
    expect(await facts()).toMatchObject({ library: 'none', bin: ['node'] });
    const state = await bed().show('app.service');
    expect(state).toMatchObject({ ActiveState: 'active', StatusText: `Serving on ${LISTEN}` });
    await bed().systemctl('stop', 'app.service');
    expect((await bed().show('app.service')).Result).toBe('success');
  });

  test('as process 1 it serves, answers the watchdog, and ends on SIGTERM', async () => {
    await addContainer(PROGRAM, 'WatchdogSec=2');
    expect(await facts()).toEqual({ pid: 1, library: 'none', bin: ['node'] });
    const { WatchdogTimestampMonotonic: first } = await bed().show('app.service');
    const pinged = await bed().until(
      'app.service',
      ({ WatchdogTimestampMonotonic }) => WatchdogTimestampMonotonic !== first,
    );
    expect(pinged).toMatchObject({ ActiveState: 'active', StatusText: `Serving on ${LISTEN}` });
    await bed().systemctl('stop', 'app.service');
    expect((await bed().show('app.service')).Result).toBe('success');
  });

  test('as process 1 a program without a listener for SIGTERM ends only by SIGKILL', async () => {
    await addContainer(`${PROGRAM} plain`, 'TimeoutStopSec=1');
    expect(await facts()).toMatchObject({ pid: 1 });
    await bed().systemctl('stop', 'app.service');
    expect((await bed().show('app.service')).Result).toBe('timeout');
  });
});
