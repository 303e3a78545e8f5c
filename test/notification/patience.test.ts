// Waits that end after five seconds. The tests run at the same time.
import { describe, expect, test } from 'vitest';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { Child, queueLength } from './support.ts';

/**
 * Runs a process, and returns the seconds between its line `begun` and its end.
 *
 * @param warning - matches everything that the process writes to its standard error
 */
async function secondsUntilEnd(manager: Receiver, source: string, warning = /^$/): Promise<number> {
  await using child = new Child(source, { NOTIFY_SOCKET: manager.address });
  await child.said('begun');
  const begun = performance.now();
  const stderr = expect.stringMatching(warning);
  expect(await child.ending()).toEqual({ stdout: 'begun\n', stderr, code: 0, signal: null });
  return (performance.now() - begun) / 1000;
}

describe.concurrent('after about 5 seconds', () => {
  test('a process that has nothing else to do ends, although messages wait for a stuck manager', async () => {
    await using manager = await startReceiver();
    await manager.stop();
    const seconds = await secondsUntilEnd(
      manager,
      `import { notify } from 'libsystemd';
      for (let i = 0; i < ${queueLength() + 20}; i++) notify.send('X_N=' + i);
      console.log('begun');`,
      /Warning: 20 notifications are lost, because the process ends while the service manager does not read .*\n/,
    );
    expect(seconds).toBeGreaterThan(4);
    expect(seconds).toBeLessThan(15);
  });

  test('notify.barrier() without a timeout option rejects with ETIMEDOUT', async () => {
    await using manager = await startReceiver();
    await manager.hold();
    const seconds = await secondsUntilEnd(
      manager,
      `import { notify } from 'libsystemd';
      console.log('begun');
      await notify.barrier().then(console.error, ({ code }) => {
        if (code !== 'ETIMEDOUT') console.error(code);
      });`,
    );
    expect(seconds).toBeGreaterThan(4);
    expect(seconds).toBeLessThan(15);
  });
});
