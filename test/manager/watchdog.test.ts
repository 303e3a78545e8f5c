// The manager's watchdog, from WatchdogSec= to the restart.
import { expect, test } from 'vitest';
import { LONG } from '../support/long.ts';
import { describeInBed, puppet, type Unit } from './bed.ts';

const UNITS = {
  // A core dump of Node takes longer than all the rest.
  'watched@.service': puppet(
    ...['Type=notify', 'WatchdogSec=1', 'Restart=on-watchdog', 'RestartSec=1', 'LimitCORE=0'],
  ),
  'unwatched.service': puppet('Type=notify', 'LimitCORE=0'),
  'told@.service': puppet('Type=notify', 'LimitCORE=0'),
};

/** Some times the timeout. */
const BUSY_MS = LONG ? 30_000 : 6_000;

// All at once: each waits for most of its time.
describeInBed('the watchdog of a service manager', [UNITS], (bed) => {
  /** Starts a puppet whose event loop pings. */
  async function start(unit: string, options = ''): Promise<Unit> {
    await bed().systemctl('start', '--no-block', unit);
    const source = `keep.watchdog = watchdog.start(${options}); notify.ready(); await notify.barrier()`;
    await bed().tell(unit, source);
    return await bed().show(unit);
  }

  /** Waits until the watchdog has ended a service, and the service is up again. */
  async function restarted(unit: string, { MainPID }: Unit): Promise<Unit> {
    const ended = await bed().until(unit, ({ Result }) => Result === 'watchdog');
    await bed().until(unit, ({ MainPID: now }) => now !== 0 && now !== MainPID);
    await bed().tell(unit, 'notify.ready(); await notify.barrier()');
    const now = await bed().show(unit);
    expect(now).toMatchObject({ ActiveState: 'active', NRestarts: 1 });
    return ended;
  }

  test.concurrent('a blocked event loop is killed and the service restarted', async () => {
    const before = await start('watched@blocked');
    await bed().tell('watched@blocked', 'setImmediate(() => { for (;;); })');
    await restarted('watched@blocked', before);
  });

  test.concurrent('a health check that turns false has the service restarted', async () => {
    const options = '{ check: async () => keep.healthy }';
    await bed().systemctl('start', '--no-block', 'watched@check');
    await bed().tell('watched@check', 'keep.healthy = true');
    const before = await start('watched@check', options);
    // Past the timeout, and so alive by the pings of a check that was true.
    const age = `return performance.now() - (keep.since ??= performance.now())`;
    await expect
      .poll(() => bed().tell('watched@check', age), { timeout: 10_000 })
      .toBeGreaterThan(2500);
    expect(await bed().show('watched@check')).toMatchObject({
      NRestarts: 0,
      MainPID: before.MainPID,
    });
    await bed().tell('watched@check', 'keep.healthy = false');
    await restarted('watched@check', before);
  });

  test.concurrent('a watchdog that was stopped has the service restarted', async () => {
    const before = await start('watched@stopped');
    await bed().tell('watched@stopped', 'keep.watchdog.stop()');
    await restarted('watched@stopped', before);
  });

  test.concurrent('watchdog.trigger() acts at once, and gives its reason', async () => {
    const before = await start('watched@trigger');
    await bed().tell('watched@trigger', 'setImmediate(watchdog.trigger, "Out of order")');
    expect((await restarted('watched@trigger', before)).StatusText).toBe('Out of order');
  });

  test.concurrent('watchdog.trigger() works without WatchdogSec=', async () => {
    await start('unwatched');
    expect(await bed().tell('unwatched', 'return watchdog.timeout()')).toBeUndefined();
    await bed().tell('unwatched', 'setImmediate(watchdog.trigger)');
    await bed().until('unwatched', ({ Result }) => Result === 'watchdog');
  });

  /** Waits until it has lived for longer than a watchdog of a second allows without pings. */
  async function lives(unit: string): Promise<void> {
    const age = 'return performance.now() - (keep.since ??= performance.now())';
    await expect.poll(() => bed().tell(unit, age), { timeout: 10_000 }).toBeGreaterThan(2_500);
  }

  test.concurrent('WATCHDOG_USEC= changes the timeout, and the pings follow it', async () => {
    const before = await start('watched@longer');
    await bed().tell(
      'watched@longer',
      'notify.send({ watchdogTimeout: 60_000 }); await notify.barrier()',
    );
    expect((await bed().show('watched@longer')).WatchdogUSec).toBe('1min');
    await bed().tell('watched@longer', 'notify.send({ watchdogTimeout: 1_000 })');
    await lives('watched@longer');
    const { MainPID } = before;
    expect(await bed().show('watched@longer')).toMatchObject({ NRestarts: 0, MainPID });
    await bed().tell('watched@longer', 'keep.watchdog.stop()');
    await restarted('watched@longer', before);
  });

  test.concurrent('WATCHDOG_USEC= without WatchdogSec= has the pings begin', async () => {
    await start('told@first');
    await bed().tell('told@first', 'notify.send({ watchdogTimeout: 1_000 })');
    await lives('told@first');
    expect(await bed().show('told@first')).toMatchObject({ ActiveState: 'active' });
    await bed().tell('told@first', 'keep.watchdog.stop()');
    await bed().until('told@first', ({ Result }) => Result === 'watchdog');
  });

  // Every block begins 100/0.9 ms after the one before, or at once when that one was late.
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
  test.concurrent('a loop that is busy for 90 % of the time is never killed', {
    timeout,
  }, async () => {
    const before = await start('watched@busy');
    // More on a busy machine, where a block takes longer than its 100 ms, and the next follows at once.
    expect(await bed().tell('watched@busy', busy)).toBeGreaterThan(0.85);
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
