// A service without libsystemd under a real manager: the built-in functions stand in.
import { expect, test } from 'vitest';
import { describeInBed, puppet } from './bed.ts';

const FOLDER = '/run/no-libsystemd';

const UNITS = {
  'bare.socket': '[Socket]\nListenStream=/run/bare.sk\nFileDescriptorName=web\n',
  // The loader finds an unusable libsystemd first.
  'bare.service': puppet(
    'Type=notify',
    'NotifyAccess=all',
    'FileDescriptorStoreMax=3',
    'WatchdogSec=60',
    `ExecStartPre=mkdir -p ${FOLDER}`,
    `ExecStartPre=touch ${FOLDER}/libsystemd.so.0`,
    `Environment=LD_LIBRARY_PATH=${FOLDER}`,
  ),
};

describeInBed('without libsystemd', [UNITS], (bed) => {
  const inService = (source: string) => bed().runInService('bare', source);

  test('the manager reads what the built-in functions send, and they read what it passes', async () => {
    await bed().systemctl('start', 'bare.socket');
    await bed().systemctl('start', '--no-block', 'bare.service');
    const source = `
      const names = sd.sd_listen_fds_with_names();
      return {
        library: sd.implementation.library ?? 'none',
        names,
        kinds: [sd.sd_is_socket_unix(3, sd.SOCK_STREAM, 1, '/run/bare.sk'), sd.sd_is_fifo(3)],
        booted: sd.sd_booted(),
        timeout: String(sd.sd_watchdog_enabled()),
        sent: [
          sd.sd_notify(false, 'READY=1\\nSTATUS=bare'),
          sd.sd_pid_notify_with_fds(0, false, 'FDSTORE=1\\nFDNAME=kept', [3]),
          sd.sd_notify_barrier(false, 30_000_000),
          sd.sd_pid_notify_barrier(process.pid, false, 30_000_000),
        ],
      }`;
    expect(await inService(source)).toEqual({
      library: 'none',
      names: ['web'],
      kinds: [true, false],
      booted: true,
      timeout: '60000000',
      sent: [true, true, true, true],
    });
    const shown = await bed().systemctl(
      ...[
        'show',
        'bare.service',
        '-P',
        'ActiveState',
        '-P',
        'StatusText',
        '-P',
        'NFileDescriptorStore',
      ],
    );
    expect(shown.trim().split('\n').toSorted()).toEqual(['1', 'active', 'bare']);
  });

  test('listenFds(), notify and fdStore work as with libsystemd', async () => {
    const source = `
      const passed = listenFds().map(({ name, kind }) => [name, kind]);
      notify.ready('again');
      return [passed, await notify.barrier(), fdStore.remove('kept'), await notify.barrier()]`;
    expect(await inService(source)).toEqual([[['web', 'socket']], true, true, true]);
    const kept = await bed().systemctl('show', 'bare.service', '-P', 'NFileDescriptorStore');
    expect(kept).toBe('0\n');
  });
});
