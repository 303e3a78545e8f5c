// Worker threads that are terminated in the middle of a call. Their JavaScript can't clean up, and
// still none of their descriptors stays open, and the other threads go on.
import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { queueLength } from '../notification/support.ts';
import { LONG } from '../support/long.ts';
import { startReceiver } from '../support/receiver.ts';
import { noLeaks, Program } from './support.ts';

const threads = 10;
const rounds = LONG ? 5 : 2;

interface Case {
  readonly what: string;
  /**
   * The manager reads; or holds, which is to keep received descriptors open; or does not read at all.
   */
  readonly manager: 'reads' | 'holds' | 'is stuck';
  /** The code of each thread. It calls ready() when it may be terminated. */
  readonly thread: string;
}

const cases: readonly Case[] = [
  {
    what: 'in notify.barrier(), whose descriptor the manager keeps open',
    manager: 'holds',
    thread: 'notify.barrier({ timeout: 60_000 }); ready();',
  },
  {
    what: 'in notify.barrier(), whose message waits for the manager to read',
    manager: 'is stuck',
    thread: 'notify.barrier({ timeout: 60_000 }); ready();',
  },
  {
    what: 'while messages with descriptors wait',
    manager: 'is stuck',
    thread: `for (let i = 0; i < 5; i++) notify.send('X_WAITS=1', { fds: [0, 1] }); ready();`,
  },
  {
    what: 'in sd_notify_barrier(), which blocks',
    manager: 'holds',
    thread: `
      ready();
      for (;;) {
        try {
          sd.sd_notify_barrier(false, 50_000);
        } catch {}
      }`,
  },
  ...['true', '1.5', "'3'", '-1n'].map(
    (wrong): Case => ({
      what: `while the add-on refuses the argument ${wrong}`,
      manager: 'reads',
      thread: `
        ready();
        for (;;) {
          try {
            sd.sd_is_fifo(${wrong});
          } catch {}
          try {
            sd.sd_notify_barrier(false, ${wrong});
          } catch {}
        }`,
    }),
  ),
  {
    what: 'at any time between many calls',
    manager: 'reads',
    thread: `
      setTimeout(ready, 10 * Math.random());
      for (;;) {
        notify.send('X_BUSY=1', { fds: [0] });
        fdStore.save('x', new Uint8Array(1000));
        acceptQueue(3);
        await notify.barrier();
      }`,
  },
];

function program({ thread, manager }: Case): string {
  const source = `
    import { parentPort } from 'node:worker_threads';
    import { acceptQueue, fdStore, notify } from 'libsystemd';
    import * as sd from 'libsystemd/sd';
    const ready = () => parentPort.postMessage('ready');
    ${thread}`;
  return `
    let threadOutput = '';
    const start = async () => {
      const thread = new Worker(${JSON.stringify(source)}, { eval: true, stderr: true });
      thread.stderr.setEncoding('utf8').on('data', (text) => { threadOutput += text; });
      await once(thread, 'message');
      return thread;
    };
    const round = async (length) => {
      const started = await Promise.all(Array.from({ length }, start));
      await Promise.all(started.map((thread) => thread.terminate()));
    };
    for (let i = 0; i < ${manager === 'is stuck' ? queueLength() : 0}; i++) notify.send('FILL=1');
    await round(1); // Node keeps descriptors that it opens for its first thread
    const before = openFiles();
    for (let i = 0; i < ${rounds}; i++) await round(${threads});
    say({ leaks: await leaked(before), threadOutput });
    waitForTest();
    say({ barrier: await notify.barrier(), leaks: await leaked(before), warnings });
    process.exit();`;
}

describe(`${threads * rounds} threads leave no descriptor open when they are terminated`, () => {
  test.each(cases.map((item) => [item.what, item] as const))('%s', async (_what, item) => {
    await using manager = await startReceiver();
    if (item.manager === 'is stuck') await manager.stop();
    if (item.manager === 'holds') await manager.hold();
    const options = { specs: [`unix:@${randomUUID()}`], env: { NOTIFY_SOCKET: manager.address } };
    await using service = new Program(program(item), options);
    expect(await service.next()).toEqual({ leaks: noLeaks, threadOutput: '' });
    if (item.manager === 'is stuck') await manager.go();
    if (item.manager === 'holds') await manager.release();
    service.resume();
    expect(await service.next()).toEqual({ barrier: true, leaks: noLeaks, warnings: [] });
    expect(await service.ended()).toEqual({ code: 0, signal: null });
  });
});
