// Worker threads that are terminated in the middle of what they do. No JavaScript of theirs runs any
// more, and yet nothing of theirs stays open, and the other threads go on.
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
  /** What the manager does: it reads, keeps the descriptors that it gets, or doesn't read at all. */
  readonly manager: 'reads' | 'holds' | 'is stuck';
  /** What each thread does; by ready() it says that it is in the middle of it. */
  readonly thread: string;
}

const cases: readonly Case[] = [
  {
    what: 'in notify.barrier(), which the manager has not closed',
    manager: 'holds',
    thread: 'notify.barrier({ timeout: 60_000 }); ready();',
  },
  {
    what: 'in notify.barrier(), which waits for the manager to read',
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
      what: `while it is told that ${wrong} does not fit`,
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
    what: 'anywhere in between',
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
    let complaints = '';
    const start = async () => {
      const thread = new Worker(${JSON.stringify(source)}, { eval: true, stderr: true });
      thread.stderr.setEncoding('utf8').on('data', (text) => { complaints += text; });
      await once(thread, 'message');
      return thread;
    };
    const round = async (length) => {
      const started = await Promise.all(Array.from({ length }, start));
      await Promise.all(started.map((thread) => thread.terminate()));
    };
    for (let i = 0; i < ${manager === 'is stuck' ? queueLength() : 0}; i++) notify.send('FILL=1');
    await round(1); // what Node makes for its first thread stays
    const before = openFiles();
    for (let i = 0; i < ${rounds}; i++) await round(${threads});
    say({ leaks: await leaked(before), complaints });
    told();
    say({ barrier: await notify.barrier(), leaks: await leaked(before), warnings });
    process.exit();`;
}

describe(`${threads * rounds} threads that are terminated`, () => {
  test.each(cases.map((one) => [one.what, one] as const))('%s', async (_what, one) => {
    await using manager = await startReceiver();
    if (one.manager === 'is stuck') await manager.stop();
    if (one.manager === 'holds') await manager.hold();
    const options = { specs: [`unix:@${randomUUID()}`], env: { NOTIFY_SOCKET: manager.address } };
    await using service = new Program(program(one), options);
    expect(await service.next()).toEqual({ leaks: noLeaks, complaints: '' });
    if (one.manager === 'is stuck') await manager.go();
    if (one.manager === 'holds') await manager.release();
    service.tell();
    expect(await service.next()).toEqual({ barrier: true, leaks: noLeaks, warnings: [] });
    expect(await service.ended()).toEqual({ code: 0, signal: null });
  });
});
