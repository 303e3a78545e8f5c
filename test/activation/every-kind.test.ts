// listenFds() of every kind of descriptor, in the main thread and in worker threads.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { EveryKind, runWith } from '../support/descriptors.ts';

const every = new EveryKind();
const folder = mkdtempSync(join(tmpdir(), 'long-'));
afterAll(() => {
  every[Symbol.dispose]();
  rmSync(folder, { recursive: true });
});

/** The lists as texts, which show the order of the fields and whether a field is absent. */
interface Lists {
  readonly main: string;
  /** The main thread waits, and runs no JavaScript, until this thread has started and has its list. */
  readonly whileMainWaits: string;
  /** This thread has started before the main thread calls listenFds(). */
  readonly startedBefore: string;
  /** What inspect() returns for the same descriptors. */
  readonly inspected: string;
  readonly areAllFrozen: boolean;
  readonly count: number;
}

const LIST = `
  import { on } from 'node:events';
  import { inspect as print } from 'node:util';
  import { SHARE_ENV, Worker } from 'node:worker_threads';
  const { inspect, listenFds } = libsystemd;

  const all = { depth: 9, breakLength: Infinity, maxArrayLength: null, maxStringLength: null };
  const answers = new Int32Array(new SharedArrayBuffer(4));
  // A thread with its own copy of the environment would see LISTEN_PID, and throw ERR_SYSTEMD_THREAD.
  const startThread = () => new Worker(\`
    import { inspect as print } from 'node:util';
    import { parentPort, workerData } from 'node:worker_threads';
    const { all, answers } = workerData;
    parentPort.once('message', async () => {
      const { listenFds } = await import('libsystemd');
      parentPort.postMessage(print(listenFds(), all));
      Atomics.add(answers, 0, 1);
      Atomics.notify(answers, 0);
    });
    parentPort.postMessage('started');
  \`, { eval: true, env: SHARE_ENV, workerData: { all, answers } });
  // The messages are kept, because two may come at once.
  const start = () => {
    const thread = startThread();
    const messages = on(thread, 'message');
    return {
      ask: () => thread.postMessage('list'),
      next: async () => (await messages.next()).value[0],
    };
  };

  const before = start();
  await before.next(); // 'started'
  const list = listenFds();
  const isFrozen = (value) =>
    typeof value !== 'object' ||
    value instanceof Uint8Array ||
    (Object.isFrozen(value) && Object.values(value).every(isFrozen));

  const meanwhile = start();
  meanwhile.ask();
  const waited = Atomics.wait(answers, 0, 0, 20_000);
  if (waited === 'timed-out') throw new Error('The thread waits for the main thread');
  await meanwhile.next(); // 'started'
  const whileMainWaits = await meanwhile.next();
  before.ask();
  const startedBefore = await before.next();
  const inspected = list.map(({ fd, name }) => ({ ...inspect(fd), name }));
  result({
    main: print(list, all),
    whileMainWaits,
    startedBefore,
    inspected: print(inspected, all),
    areAllFrozen: isFrozen(list),
    count: list.length,
  });
`;

function expectTheSame(lists: Lists): void {
  expect(lists.main).toBe(lists.inspected);
  expect(lists.whileMainWaits).toBe(lists.main);
  expect(lists.startedBefore).toBe(lists.main);
  expect(lists.areAllFrozen).toBe(true);
}

describe('every kind', () => {
  let lists: Lists;
  beforeAll(async () => {
    lists = (await every.run(LIST)) as Lists;
  });

  test('is in the list, as inspect() describes it, also in worker threads', () => {
    expect(lists.count).toBe(every.kinds.length);
    expectTheSame(lists);
  });
});

test('any names, also in worker threads', async () => {
  const names = ['', 'a\nb', '"', '\\\\', 'ü\u2028', '[]', 'a'];
  const specs = names.map(() => 'tcp:127.0.0.1:0');
  const lists = (await runWith(specs, LIST, { names: names.join(':') })) as Lists;
  expect(lists.count).toBe(names.length);
  expectTheSame(lists);
  expect(lists.main).toContain(String.raw`name: 'a\nb'`);
});

test('paths of the greatest length, which need more room than other descriptors', async () => {
  const deep = join(folder, ...new Array<string>(15).fill('d'.repeat(250)));
  mkdirSync(deep, { recursive: true });
  const path = join(deep, 'f'.repeat(250));
  const count = 60;
  const specs = [`file:${path}`, ...new Array<string>(count - 1).fill('dup:3')];
  const lists = (await runWith(specs, LIST)) as Lists;
  expect(lists.count).toBe(count);
  expectTheSame(lists);
  expect(lists.main.split(path)).toHaveLength(count + 1);
});
