// A service that starts many short programs, from its main thread and from worker threads at the same
// time, while it uses descriptors and notifies its manager. No program inherits a descriptor, and no
// notification is lost or sent twice.
import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { startReceiver } from '../support/receiver.ts';
import { type Leaks, noLeaks, run } from './support.ts';

const bursts = 10;
const perBurst = 10;
const perThread = 50;
const threads = 2;

/**
 * What `ls /proc/self/fd` prints when it has inherited nothing but 0 to 2; 3 is the folder that it
 * reads.
 */
const inheritedNothing = '0\n1\n2\n3\n';

const program = `
  import { execFile } from 'node:child_process';
  import { promisify } from 'node:util';

  // A worker thread starts its programs at any time, whatever the main thread has just opened.
  const thread = () => new Worker(\`
    import { spawnSync } from 'node:child_process';
    import { parentPort } from 'node:worker_threads';
    const seen = [];
    for (let i = 0; i < ${perThread}; i++) {
      seen.push(spawnSync('ls', ['/proc/self/fd'], { encoding: 'utf8' }).stdout);
    }
    parentPort.postMessage(seen);\`, { eval: true });
  const seenBy = async (thread) => {
    const [[seen]] = await Promise.all([once(thread, 'message'), once(thread, 'exit')]);
    return seen;
  };
  const burst = () =>
    Promise.all(Array.from({ length: ${perBurst} }, () => promisify(execFile)('ls', ['/proc/self/fd'])));

  listenFds();
  await notify.barrier();
  await burst(); // Node keeps descriptors that it opens for its first child
  const before = openFiles();
  const seenByThreads = Array.from({ length: ${threads} }, thread).map(seenBy);
  const seenByMain = [];
  let sent = 0;
  let isRunning = true;
  const work = (async () => {
    const file = openSync('/dev/null');
    while (isRunning) {
      for (let i = 0; i < 20; i++) {
        notify.send('X_N=' + sent++, { fds: [file, 3] });
        notify.send('X_N=' + sent++);
        fdStore.save('state', new Uint8Array(100));
        inspect(3);
        acceptQueue(3);
      }
      await notify.barrier();
      const server = net.createServer();
      await listen(server);
      await once(server.close(), 'close');
    }
    closeSync(file);
  })();
  for (let i = 0; i < ${bursts}; i++) {
    for (const { stdout } of await burst()) seenByMain.push(stdout);
  }
  const seen = [...seenByMain, ...(await Promise.all(seenByThreads)).flat()];
  isRunning = false;
  await work;
  await notify.barrier();
  say({ seen, sent, leaks: await leaked(before), warnings });
  process.exit();`;

interface Found {
  readonly seen: readonly string[];
  readonly sent: number;
  readonly leaks: Leaks;
  readonly warnings: readonly unknown[];
}

test(`${bursts * perBurst + threads * perThread} programs inherit nothing, and each notification arrives once`, async () => {
  await using manager = await startReceiver();
  const options = {
    specs: [`unix:@${randomUUID()}`],
    env: { NOTIFY_SOCKET: manager.address },
  };
  const [found] = (await run<Found>(program, options)) as [Found];
  const { sent } = found;
  expect(found).toEqual({
    seen: Array<string>(bursts * perBurst + threads * perThread).fill(inheritedNothing),
    sent: expect.any(Number),
    leaks: noLeaks,
    warnings: [],
  });
  const numbers = manager.messages.map(({ message }) => /^X_N=(\d+)$/.exec(message)?.[1]);
  expect(numbers.filter(Boolean).map(Number)).toEqual(Array.from({ length: sent }, (_, i) => i));
  expect(sent).toBeGreaterThan(40); // on a busy machine fewer are sent meanwhile
});
