// The watchdog of a real manager, from WatchdogSec= to the restart.
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { LONG } from '../support/long.ts';
import { describeInBed, puppet, type Unit } from './bed.ts';

const UNITS = {
  // LimitCORE=0, because a core dump of Node takes longer than the rest of the test.
  'watched@.service': puppet(
    ...['Type=notify', 'WatchdogSec=1', 'Restart=on-watchdog', 'RestartSec=1', 'LimitCORE=0'],
  ),
  'unwatched.service': puppet('Type=notify', 'LimitCORE=0'),
  'unset@.service': puppet('Type=notify', 'LimitCORE=0'),
};

/** Some times the timeout. */
const BUSY_MS = LONG ? 30_000 : 6_000;

// The tests run at once, because each waits for most of its time.
describeInBed('the watchdog of a service manager', [UNITS], (bed) => {
  /** Starts a puppet with a running watchdog. */
  async function start(unit: string, options = ''): Promise<Unit> {
    await bed().systemctl('start', '--no-block', unit);
    const source = `keep.watchdog = watchdog.start(${options}); notify.ready(); await notify.barrier()`;
    await bed().runInService(unit, source);
    return await bed().show(unit);
  }

  /** Waits until the watchdog has killed the service and the service is up again. Returns the state between. */
  async function waitForRestart(unit: string, { MainPID }: Unit): Promise<Unit> {
    const ended = await bed().until(unit, ({ Result }) => Result === 'watchdog');
    await bed().until(unit, ({ MainPID: now }) => now !== 0 && now !== MainPID);
    await bed().runInService(unit, 'notify.ready(); await notify.barrier()');
    const now = await bed().show(unit);
    expect(now).toMatchObject({ ActiveState: 'active', NRestarts: 1 });
    return ended;
  }

  test.concurrent('a service whose event loop is blocked is killed and restarted', async () => {
    const before = await start('watched@blocked');
    await bed().runInService('watched@blocked', 'setImmediate(() => { for (;;); })');
    await waitForRestart('watched@blocked', before);
  });

  test.concurrent('a service whose health check turns false is restarted', async () => {
    const options = '{ check: async () => keep.healthy }';
    await bed().systemctl('start', '--no-block', 'watched@check');
    await bed().runInService('watched@check', 'keep.healthy = true');
    const before = await start('watched@check', options);
    await waitPastTimeout('watched@check');
    expect(await bed().show('watched@check')).toMatchObject({
      NRestarts: 0,
      MainPID: before.MainPID,
    });
    await bed().runInService('watched@check', 'keep.healthy = false');
    await waitForRestart('watched@check', before);
  });

  test.concurrent('a service that has stopped its watchdog is restarted', async () => {
    const before = await start('watched@stopped');
    await bed().runInService('watched@stopped', 'keep.watchdog.stop()');
    await waitForRestart('watched@stopped', before);
  });

  test.concurrent('watchdog.trigger() restarts the service at once, and its reason is the status', async () => {
    const before = await start('watched@trigger');
    await bed().runInService('watched@trigger', 'setImmediate(watchdog.trigger, "Out of order")');
    expect((await waitForRestart('watched@trigger', before)).StatusText).toBe('Out of order');
  });

  test.concurrent('watchdog.trigger() ends a service without WatchdogSec=', async () => {
    await start('unwatched');
    expect(await bed().runInService('unwatched', 'return watchdog.timeout()')).toBeUndefined();
    await bed().runInService('unwatched', 'setImmediate(watchdog.trigger)');
    await bed().until('unwatched', ({ Result }) => Result === 'watchdog');
  });

  /** Waits until the service has lived for longer than a watchdog of one second allows without pings. */
  async function waitPastTimeout(unit: string): Promise<void> {
    const age = 'return performance.now() - (keep.since ??= performance.now())';
    // Not by expect.poll(), which fails in concurrent tests.
    while ((await bed().runInService<number>(unit, age)) <= 2_500) await sleep(100);
  }

  test.concurrent('WATCHDOG_USEC= changes the timeout, and the pings keep up with it', async () => {
    const before = await start('watched@longer');
    await bed().runInService(
      'watched@longer',
      'notify.send({ watchdogTimeout: 60_000 }); await notify.barrier()',
    );
    expect((await bed().show('watched@longer')).WatchdogUSec).toBe('1min');
    await bed().runInService('watched@longer', 'notify.send({ watchdogTimeout: 1_000 })');
    await waitPastTimeout('watched@longer');
    const { MainPID } = before;
    expect(await bed().show('watched@longer')).toMatchObject({ NRestarts: 0, MainPID });
    await bed().runInService('watched@longer', 'keep.watchdog.stop()');
    await waitForRestart('watched@longer', before);
  });

  test.concurrent('WATCHDOG_USEC= without WatchdogSec= starts the pings', async () => {
    await start('unset@first');
    await bed().runInService('unset@first', 'notify.send({ watchdogTimeout: 1_000 })');
    await waitPastTimeout('unset@first');
    expect(await bed().show('unset@first')).toMatchObject({ ActiveState: 'active' });
    await bed().runInService('unset@first', 'keep.watchdog.stop()');
    await bed().until('unset@first', ({ Result }) => Result === 'watchdog');
  });

  // Each block of 100 ms begins 100/0.9 ms after the previous one began, or at once if that one took longer.
  const busy = `
    const begun = performance.now();
    let blocked = 0;
    for (let at = begun; performance.now() < begun + ${BUSY_MS}; at += 100 / 0.9) {
      await new Promise((resolve) => setTimeout(resolve, at - performance.now()));
      const block = performance.now();
      while (performance.now() < block + 100);
      blocked += performance.now() - block;
    }
    return blocked / (performance.now() - begun);
  `;
  const timeout = BUSY_MS + 15_000;
  test.concurrent('a service whose event loop is blocked for 90 % of the time is never killed', {
    timeout,
  }, async () => {
    const before = await start('watched@busy');
    // More than 0.9 on a busy machine, where blocks take longer than 100 ms and follow each other at once.
    expect(await bed().runInService('watched@busy', busy)).toBeGreaterThan(0.85);
    const { MainPID } = before;
    const after = await bed().show('watched@busy');
    expect(after).toMatchObject({
      ActiveState: 'active',
      NRestarts: 0,
      Result: 'success',
      MainPID,
    });
  });
});
