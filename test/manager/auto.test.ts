// Programs that know nothing of systemd, with `libsystemd/auto`, under a real manager.
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { expectNothingLost } from '../support/nothing-lost.ts';
import { describeInBed } from './bed.ts';
import { REPOSITORY } from './manager.mjs';
import { Preloaded, type Program } from './preloaded.ts';

const binWww: Program = {
  name: 'bin/www',
  cwd: REPOSITORY,
  args: ['test/manager/programs/bin-www.cjs'],
  env: { PORT: 'PORT' },
};

const onPath: Program = {
  ...binWww,
  name: 'bin/www on a path',
  env: { PORT: '/run/bin-www-PORT.sock' },
  listen: '/run/bin-www-PORT.sock',
};

describeInBed('a program with libsystemd/auto', [], (bed) => {
  test.each([
    binWww,
    onPath,
    { ...binWww, name: 'bin/www by -r', preload: ['-r', 'libsystemd/auto'] },
  ])(
    '$name loses no request over ten restarts',
    async (program) => {
      const preloaded = await Preloaded.listen(bed(), program);
      expect((await bed().show(preloaded.unit)).ActiveState).toBe('inactive');
      const { failures, requests } = await preloaded.visit();
      expectNothingLost(failures);
      expect(requests).toBeGreaterThan(300);
      const { StatusText, NRestarts } = await preloaded.until('active');
      expect(StatusText).toMatch(/^Serving on (127\.0\.0\.1:\d+|\/run\/bin-www-\d+\.sock)$/);
      expect(NRestarts).toBe(0);
      expect(await preloaded.stop()).toMatchObject({ Result: 'success', NFileDescriptorStore: 0 });
    },
    120_000,
  );

  test('a service stops when it is idle, and starts again at the next request', async () => {
    await Preloaded.expectIdleStops(bed(), binWww, 400);
  });

  test('loses no request when it stops for idleness just as clients connect', async () => {
    const env = { ...binWww.env, LIBSYSTEMD_AUTO_IDLE_TIMEOUT: '30' };
    const preloaded = await Preloaded.listen(bed(), { ...binWww, env });
    const { failures } = await preloaded.visit({ clients: 1, requests: 60, times: 0 });
    expectNothingLost(failures);
    await preloaded.stop();
  });

  test('the watchdog of the unit is answered, and a blocked event loop is found', async () => {
    const program = {
      ...binWww,
      args: ['-r', './test/manager/programs/blocks.cjs', ...binWww.args],
      service: ['WatchdogSec=1', 'Restart=no'],
    };
    const preloaded = await Preloaded.listen(bed(), program);
    await preloaded.visit({ clients: 2, requests: 100, times: 0 });
    await preloaded.until('active');
    await sleep(2_500);
    expect((await bed().show(preloaded.unit)).ActiveState).toBe('active');
    const { MainPID } = await bed().show(preloaded.unit);
    await bed().run('kill', '-USR2', String(MainPID));
    const failed = await bed().until(preloaded.unit, ({ Result }) => Result !== 'success');
    expect(failed.Result).toBe('watchdog');
    await preloaded.stop();
    await bed().systemctl('reset-failed');
  });

  test('the start fails, and systemctl status says what to set, when the ports differ', async () => {
    const program = {
      ...binWww,
      name: 'wrong port',
      env: { PORT: '9999' },
      service: ['TimeoutStartSec=4'],
    };
    const preloaded = await Preloaded.listen(bed(), program);
    await expect(bed().systemctl('start', preloaded.unit)).rejects.toThrow();
    const { Result, StatusText } = await bed().show(preloaded.unit);
    expect(Result).toBe('timeout');
    const text = `systemd holds ${preloaded.port}, the program listens on 9999: set PORT=${preloaded.port} or FileDescriptorName=9999 in the .socket unit`;
    expect([StatusText, await bed().journal(preloaded.unit)].join('\n')).toContain(text);
    await preloaded.stop();
    await bed().systemctl('reset-failed');
  });

  describe('cluster workers', () => {
    test('lose no request over ten restarts', { timeout: 120_000 }, async () => {
      const preloaded = await Preloaded.listen(bed(), {
        ...binWww,
        name: 'cluster',
        args: ['test/manager/programs/cluster-www.cjs'],
      });
      expectNothingLost((await preloaded.visit()).failures);
      expect(await preloaded.stop()).toMatchObject({ Result: 'success' });
    });
  });
});
