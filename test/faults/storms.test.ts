// A service that starts many short programs, from its main thread and from others at the same time,
// while it has to do with its descriptors and its manager: none of what it opens on the way is passed
// on, and of what it tells nothing is lost or comes twice.
import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { startReceiver } from '../support/receiver.ts';
import { type Leaks, noLeaks, run } from './support.ts';

const bursts = 10;
const perBurst = 10;
const perThread = 50;
const threads = 2;

/** What a program has that was passed nothing: ls itself has the folder open. */
const passedNothing = '0\n1\n2\n3\n';

const program = `
  import { execFile } from 'node:child_process';
  import { promisify } from 'node:util';

  // It starts its programs one after the other, whatever the main thread has just opened.
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
  await burst(); // what Node makes for its first child stays
  const before = openFiles();
  const ofThreads = Array.from({ length: ${threads} }, thread).map(seenBy);
  const ofMain = [];
  let sent = 0;
  let storming = true;
  const work = (async () => {
    const file = openSync('/dev/null');
    while (storming) {
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
    for (const { stdout } of await burst()) ofMain.push(stdout);
  }
  const seen = [...ofMain, ...(await Promise.all(ofThreads)).flat()];
  storming = false;
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

test(`${bursts * perBurst + threads * perThread} programs are passed nothing, and the manager is told all, once`, async () => {
  await using manager = await startReceiver();
  const options = {
    specs: [`unix:@${randomUUID()}`],
    env: { NOTIFY_SOCKET: manager.address },
  };
  const [found] = (await run<Found>(program, options)) as [Found];
  const { sent } = found;
  expect(found).toEqual({
    seen: Array<string>(bursts * perBurst + threads * perThread).fill(passedNothing),
    sent: expect.any(Number),
    leaks: noLeaks,
    warnings: [],
  });
  const numbers = manager.messages.map(({ message }) => /^X_N=(\d+)$/.exec(message)?.[1]);
  expect(numbers.filter(Boolean).map(Number)).toEqual(Array.from({ length: sent }, (_, i) => i));
  expect(sent).toBeGreaterThan(100);
});
