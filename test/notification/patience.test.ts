// What takes five seconds, all at the same time.
import { describe, expect, test } from 'vitest';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { Child, queueLength } from './support.ts';

/**
 * Starts a process, and gives how long it takes from its line `begun` to its end, in seconds. It says
 * nothing else but warnings like this one.
 */
async function secondsOf(manager: Receiver, source: string, warning = /^$/): Promise<number> {
  await using child = new Child(source, { NOTIFY_SOCKET: manager.address });
  await child.said('begun');
  const begun = performance.now();
  const stderr = expect.stringMatching(warning);
  expect(await child.ending()).toEqual({ stdout: 'begun\n', stderr, code: 0, signal: null });
  return (performance.now() - begun) / 1000;
}

describe.concurrent('after about 5 seconds', () => {
  test('a process whose messages wait for a stuck manager ends, if it has nothing else to do', async () => {
    await using manager = await startReceiver();
    await manager.stop();
    const seconds = await secondsOf(
      manager,
      `import { notify } from 'libsystemd';
      for (let i = 0; i < ${queueLength() + 20}; i++) notify.send('X_N=' + i);
      console.log('begun');`,
      /Warning: 20 notifications are lost, because the process ends while the service manager does not read .*\n/,
    );
    expect(seconds).toBeGreaterThan(4);
    expect(seconds).toBeLessThan(15);
  });

  test('notify.barrier() gives up, when it was not told otherwise', async () => {
    await using manager = await startReceiver();
    await manager.hold();
    const seconds = await secondsOf(
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
