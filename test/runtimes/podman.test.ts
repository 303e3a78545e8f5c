// A service in a container of podman, under a real systemd, as docs/containers.md says. The container has node, the C
// library and the program, and neither libsystemd nor a shell. Its root file system is a folder, not an image.
import { spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { describeInBed, inBed } from '../manager/bed.ts';
import { REPOSITORY } from '../manager/manager.mjs';
import { root } from '../support/tools.ts';

const SUITE = 'bookworm';

/** Fetches podman with all that it needs. Returns the folder as the bed sees it. */
function fetchPodman(): string {
  const args = [join(root, 'scripts/fetch-systemd.mjs'), SUITE, '--podman'];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  return inBed(stdout.trimEnd());
}

describeInBed('in a container of podman', [], (bed) => {
  let folder: string;
  let volumes: string;
  /** The folder of the processor's libraries, such as x86_64-linux-gnu. */
  let triplet: string;

  beforeAll(async () => {
    folder = fetchPodman();
    const ldd = await bed().run('ldd', '/usr/bin/node');
    expect(ldd).not.toContain('libsystemd');
    const libraries = [...ldd.matchAll(/\/\S+/g)].map(([path]) => path);
    triplet = basename(dirname(libraries.find((path) => path.includes('/libc.so.6'))!));
    const paths = ['/usr/bin/node', '/opt', ...libraries];
    volumes = paths.map((path) => `--volume=${path}:${path}:ro`).join(' ');
    await bed().run('mkdir', '-p', '/run/rootfs', '/run/podman-tmp', '/etc/containers');
    const config = [
      '[containers]\nseccomp_profile="unconfined"\napparmor_profile="unconfined"\nlog_driver="k8s-file"',
      `init_path="${folder}/usr/libexec/podman/catatonit"`,
      '[engine]\nruntime="runc"\ncgroup_manager="cgroupfs"\nevents_logger="file"',
      `conmon_path=["${folder}/usr/bin/conmon"]`,
      `[engine.runtimes]\nrunc=["${folder}/usr/sbin/runc"]\n`,
    ];
    await writeFile(bed().path('/etc/containers/containers.conf'), config.join('\n'));
    const storage =
      '[storage]\ndriver="vfs"\nrunroot="/run/podman/run"\ngraphroot="/run/podman/all"\n';
    await writeFile(bed().path('/etc/containers/storage.conf'), storage);
  }, 120_000);

  /** Adds and starts a socket, and adds the service that podman makes of a quadlet with these options. */
  async function add(
    unit: string,
    port: number,
    options: string,
    program = 'serve.mjs',
  ): Promise<void> {
    const podman = `${folder}/usr/bin/podman`;
    const libraries = `${folder}/usr/lib/${triplet}`;
    const run = `run --name=%N --replace --rm --cgroups=split --pids-limit=0 --network=none --sdnotify=container -d`;
    const command = `/usr/bin/node ${REPOSITORY}/test/manager/programs/${program}`;
    await bed().add({
      [`${unit}.socket`]: `[Socket]\nListenStream=127.0.0.1:${port}\nFileDescriptorName=web\n`,
      [`${unit}.service`]: [
        ...['[Service]', 'Type=notify', 'NotifyAccess=all', 'Delegate=yes', 'KillMode=mixed'],
        ...['WatchdogSec=3', 'TimeoutStartSec=20', 'FileDescriptorStoreMax=3'],
        `Environment=LD_LIBRARY_PATH=${libraries} TMPDIR=/run/podman-tmp`,
        `ExecStart=${podman} ${run} ${options} ${volumes} --rootfs /run/rootfs ${command}`,
        `ExecStop=${podman} rm -f -i %N`,
      ].join('\n'),
    });
    await bed().systemctl('start', `${unit}.socket`);
  }

  const request = (port: number, path: string) =>
    bed().evaluate<string>(
      `result(await (await fetch('http://127.0.0.1:${port}${path}')).text());`,
    );

  const WATCHDOG = '--env=WATCHDOG_USEC=3000000';

  test.each([
    ['as process 1', 'first', 9811, '', /^pid 1$/],
    ['below an init', 'below-init', 9812, '--init', /^pid [2-9]\d*$/],
  ])(
    '%s it is started by a client, is ready, answers the watchdog, and a restart answers the request under way',
    async (_how, unit, port, options, pid) => {
      await add(unit, port, `${options} ${WATCHDOG}`);
      expect(await request(port, '/0')).toMatch(pid);
      const { WatchdogTimestampMonotonic: first } = await bed().show(unit);
      const isPinged = ({
        WatchdogTimestampMonotonic: last,
      }: {
        [name: string]: string | number;
      }) => Number(last) > Number(first) + 3_000_000;
      const state = await bed().until(`${unit}.service`, isPinged);
      expect(state).toMatchObject({
        ActiveState: 'active',
        StatusText: '',
        NFileDescriptorStore: 0,
      });
      const underWay = request(port, '/1500');
      await new Promise((resolve) => setTimeout(resolve, 500));
      await bed().systemctl('restart', `${unit}.service`);
      expect(await underWay).toMatch(pid);
      expect(await request(port, '/0')).toMatch(pid);
      await bed().systemctl('stop', `${unit}.service`, `${unit}.socket`);
      expect(await bed().show(`${unit}.service`)).toMatchObject({
        Result: 'success',
        NRestarts: 0,
      });
    },
  );

  test('without WATCHDOG_USEC in the container it sends no pings, and is killed', async () => {
    await add('unpinged', 9813, '');
    expect(await request(9813, '/0')).toBe('pid 1');
    const failed = await bed().until('unpinged.service', ({ Result }) => Result === 'watchdog');
    expect(failed.NRestarts).toBe(0);
  });

  test('READY=1 arrives at systemd, and status, fd store and STOPPING=1 do not', async () => {
    await bed().run('mkdir', '/run/puppets');
    await bed().run('ln', '-s', 'puppets/kept', '/run/kept.puppet');
    const shared = `--volume=/run/puppets:/run/puppets ${WATCHDOG}`;
    await add('kept', 9814, shared, 'puppet.mjs /run/puppets/kept');
    await bed().systemctl('start', '--no-block', 'kept.service');
    const source = `
      const [{ fd, name }] = listenFds();
      keep.server = await listen(require('node:net').createServer());
      watchdog.start();
      const sent = [notify.ready('Serving'), fdStore.add('kept', fd), await notify.barrier()];
      return [name, sent, sd.implementation.library ?? 'none', process.env.NOTIFY_SOCKET];`;
    const returned = await bed().runInService('kept', source);
    expect(returned).toEqual(['web', [true, true, true], 'none', '/run/notify/notify.sock']);
    const active = { ActiveState: 'active', StatusText: '', NFileDescriptorStore: 0 };
    const isReady = ({ ActiveState }: { ActiveState: string }) => ActiveState === 'active';
    expect(await bed().until('kept.service', isReady)).toMatchObject(active);
    await bed().runInService('kept', 'notify.stopping(); await notify.barrier();');
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(await bed().show('kept.service')).toMatchObject(active);
  });
});
