// Worker threads. Each thread loads the add-on for itself, and reads the list of descriptors that the main thread has stored.
import { beforeAll, describe, expect, test } from 'vitest';
import { OUTCOME, type Outcome, ownAddress, runWith } from '../support/descriptors.ts';
import { startReceiver } from '../support/receiver.ts';

const WORKERS = 8;
const ROUNDS = 200;
const MESSAGES = 25;

/** A program whose worker threads run the code `worker`. The program and the threads are ES modules. */
function program(worker: string, main: string): string {
  const source = `
    import { parentPort, workerData, threadId } from 'node:worker_threads';
    import * as libsystemd from 'libsystemd';
    import * as sd from 'libsystemd/sd';
    ${OUTCOME}
    // One round calls every function that needs the add-on or libsystemd; false when an answer is wrong.
    const TCP = 3, PIPE = 4;
    const round = () =>
      sd.sd_is_fifo(PIPE) &&
      !sd.sd_is_fifo(TCP) &&
      sd.sd_is_socket_inet(TCP, sd.AF_INET, sd.SOCK_STREAM, 1, 8080) &&
      libsystemd.inspect(TCP).localAddress.port === 8080 &&
      libsystemd.inspect(PIPE).kind === 'fifo' &&
      libsystemd.acceptQueue(TCP).limit === 5 &&
      outcome(() => sd.sd_is_fifo(900)).error.code === 'EBADF' &&
      outcome(() => sd.sd_is_fifo('')).error.code === 'ERR_INVALID_ARG_TYPE' &&
      sd.sd_notify(false, '') === (process.env.NOTIFY_SOCKET !== undefined);
    ${worker}
  `;
  return `
    import { once } from 'node:events';
    import { readdirSync } from 'node:fs';
    import { Worker } from 'node:worker_threads';
    const WORKER = ${JSON.stringify(source)};
    const startWorker = (workerData) => new Worker(WORKER, { eval: true, workerData });
    const startWorkers = (data) => Array.from({ length: ${WORKERS} }, () => startWorker(data));
    const message = async (worker) => (await once(worker, 'message'))[0];
    ${main}
  `;
}

const SPECS = [`tcp:${ownAddress}:8080,backlog=5`, 'pipe'];
const UNMANAGED = { pid: 'none', fds: 'none' };

test(`${WORKERS} threads load the add-on at the same time, and all get right answers`, async () => {
  const source = program(
    `
      let right = 0;
      for (let i = 0; i < ${ROUNDS}; i++) right += round();
      parentPort.postMessage(right);
    `,
    `result(await Promise.all(startWorkers().map(message)));`,
  );
  expect(await runWith(SPECS, source, UNMANAGED)).toStrictEqual(new Array(WORKERS).fill(ROUNDS));
});

// In a thread, Node warns when fs.closeSync() closes a descriptor that fs has not opened.
test('a thread that saves state and waits for a barrier causes no warning', async () => {
  await using receiver = await startReceiver();
  const source = program(
    `
      const warnings = [];
      process.on('warning', ({ message }) => warnings.push(message));
      const saved = libsystemd.fdStore.save('state', new Uint8Array(1));
      libsystemd.notify.barrier().then((passed) => {
        parentPort.postMessage([saved, passed, warnings]);
      });
    `,
    `result(await message(startWorker()));`,
  );
  const options = { ...UNMANAGED, env: { NOTIFY_SOCKET: receiver.address } };
  expect(await runWith(SPECS, source, options)).toStrictEqual([true, true, []]);
});

test('a thread that sets its own NOTIFY_SOCKET to a Unix address notifies that address', async () => {
  await using receiver = await startReceiver();
  const source = program(
    `
      process.env.NOTIFY_SOCKET = ${JSON.stringify(receiver.address)};
      parentPort.postMessage(outcome(() => libsystemd.notify.ready()));
    `,
    `result(await message(startWorker()));`,
  );
  expect(await runWith(SPECS, source, UNMANAGED)).toStrictEqual({ value: true });
  expect((await receiver.next()).message).toBe('READY=1');
});

test('a thread that sets its own NOTIFY_SOCKET to any other address gets ERR_SYSTEMD_RUNTIME', async () => {
  const source = program(
    `
      process.env.NOTIFY_SOCKET = 'vsock:2:1234';
      parentPort.postMessage(outcome(() => libsystemd.notify.ready()));
    `,
    `result(await message(startWorker()));`,
  );
  expect(await runWith(SPECS, source, UNMANAGED)).toMatchObject({
    error: {
      code: 'ERR_SYSTEMD_RUNTIME',
      message: expect.stringContaining('NOTIFY_SOCKET=vsock:2:1234'),
    },
  });
});

test(`${WORKERS} threads notify at the same time, and the messages of each arrive in order`, async () => {
  await using receiver = await startReceiver();
  const source = program(
    `
      let sent = 0;
      for (let i = 0; i < ${MESSAGES}; i++) {
        sent += libsystemd.notify.send({ ['X_' + threadId]: i });
      }
      // Messages that wait for a busy receiver are sent before the thread ends.
      libsystemd.notify.barrier().then(() => parentPort.postMessage(sent));
    `,
    `result(await Promise.all(startWorkers().map(message)));`,
  );
  const options = { ...UNMANAGED, env: { NOTIFY_SOCKET: receiver.address } };
  const sent = await runWith(SPECS, source, options);
  expect(sent).toStrictEqual(new Array(WORKERS).fill(MESSAGES));

  const byThread = new Map<string, number[]>();
  for (let i = 0; i < WORKERS * MESSAGES; ) {
    const [, thread, number] = /^X_(\d+)=(\d+)$/.exec((await receiver.next()).message) ?? [];
    if (thread === undefined) continue; // a barrier
    byThread.set(thread, [...(byThread.get(thread) ?? []), Number(number)]);
    i++;
  }
  const inOrder = Array.from({ length: MESSAGES }, (_, i) => i);
  expect([...byThread.values()]).toStrictEqual(new Array(WORKERS).fill(inOrder));
});

test('a thread that is terminated during a call affects neither other threads nor the main thread', async () => {
  const source = program(
    `
      const stop = workerData;
      let rounds = 0;
      let wrong = 0;
      while (Atomics.load(stop, 0) === 0) {
        if (!round()) wrong++;
        if (++rounds === 10) parentPort.postMessage('running');
      }
      parentPort.postMessage({ wrong, enough: rounds >= 10 });
    `,
    `
      const fds = () => readdirSync('/proc/self/fd').length;
      const isRight = () => sd.sd_is_fifo(4) && libsystemd.inspect(3).listening;
      const answers = [];
      const counts = [];
      for (let i = 0; i < 4; i++) {
        const stop = new Int32Array(new SharedArrayBuffer(4));
        const workers = startWorkers(stop);
        await Promise.all(workers.map(message));
        const [some, others] = [workers.slice(0, 4), workers.slice(4)];
        const codes = await Promise.all(some.map((worker) => worker.terminate()));
        const last = others.map(message);
        const ends = others.map((worker) => once(worker, 'exit'));
        const right = isRight();
        Atomics.store(stop, 0, 1);
        const reports = await Promise.all(last);
        await Promise.all(ends);
        answers.push({ codes, reports, right });
        counts.push(fds());
      }
      result({ answers, counts });
    `,
  );
  const { answers, counts } = (await runWith(SPECS, source, UNMANAGED)) as {
    readonly answers: readonly object[];
    readonly counts: readonly number[];
  };
  const answer = {
    codes: [1, 1, 1, 1],
    reports: new Array(4).fill({ wrong: 0, enough: true }),
    right: true,
  };
  expect(answers).toStrictEqual(new Array(4).fill(answer));
  expect(new Set(counts).size).toBe(1);
});

describe('listenFds() in a worker thread', () => {
  const REPORT = `
    const frozen = (list) => [list, ...list, ...list.map((d) => d.localAddress ?? list)].every(Object.isFrozen);
    const first = outcome(() => libsystemd.listenFds());
    parentPort.postMessage({
      all: first,
      again: outcome(() => libsystemd.listenFds() === first.value),
      named: outcome(() => libsystemd.listenFds('a').length),
      one: outcome(() => libsystemd.listenFd('b')?.fd),
      frozen: outcome(() => frozen(libsystemd.listenFds())),
    });
  `;

  interface Report {
    readonly all: Outcome;
    readonly again: Outcome;
    readonly named: Outcome;
    readonly one: Outcome;
    readonly frozen: Outcome;
  }

  const specs = ['tcp:127.0.0.1:0', `unix:@libsystemd-workers-${process.pid}`, 'pipe'];
  const names = 'a:b:a';
  const run = (main: string, options: object): Promise<unknown> =>
    runWith(specs, program(REPORT, main), options);

  describe('that was started after the main thread had called listenFds()', () => {
    let mine: unknown;
    let theirs: Report;
    beforeAll(async () => {
      const main = `
        const mine = libsystemd.listenFds();
        result([mine, await message(startWorker())]);
      `;
      [mine, theirs] = (await run(main, { names })) as [unknown, Report];
    });

    test('returns the list of the main thread', () => {
      expect(mine).toHaveLength(specs.length);
      expect(theirs.all).toStrictEqual({ value: mine });
    });

    test('returns the same frozen list on every call, and descriptors by name', () => {
      expect(theirs.again).toStrictEqual({ value: true });
      expect(theirs.frozen).toStrictEqual({ value: true });
      expect(theirs.named).toStrictEqual({ value: 2 });
      expect(theirs.one).toStrictEqual({ value: 4 });
    });
  });

  test('returns that list also with a separate process.env, and in a thread of a thread', async () => {
    const nested = `
      import { once } from 'node:events';
      import { parentPort, Worker, workerData } from 'node:worker_threads';
      const worker = new Worker(workerData, { eval: true, env: {} });
      parentPort.postMessage((await once(worker, 'message'))[0]);
    `;
    const main = `
      const mine = libsystemd.listenFds();
      const alone = new Worker(WORKER, { eval: true, env: {} });
      const above = new Worker(${JSON.stringify(nested)}, { eval: true, workerData: WORKER });
      result([mine, await message(alone), await message(above)]);
    `;
    const [mine, ...theirs] = (await run(main, { names })) as [unknown, Report, Report];
    for (const { all } of theirs) expect(all).toStrictEqual({ value: mine });
  });

  test('throws ERR_SYSTEMD_THREAD before the main thread has called it, and leaves the descriptors to that thread', async () => {
    const main = `
      const early = await message(startWorker());
      const mine = libsystemd.listenFds();
      result([early, mine, await message(startWorker())]);
    `;
    const [early, mine, late] = (await run(main, { names })) as [Report, unknown[], Report];
    const error = { name: 'SystemdError', code: 'ERR_SYSTEMD_THREAD', message: expect.any(String) };
    for (const outcome of Object.values(early)) expect(outcome).toStrictEqual({ error });
    expect(mine).toHaveLength(specs.length);
    expect(late.all).toStrictEqual({ value: mine });
  });

  test.for([
    ['nothing was passed', UNMANAGED],
    ['the descriptors are for another process', { pid: 1 }],
  ] as const)('returns [] when %s', async ([, options]) => {
    const main = `
      const report = await message(startWorker());
      const loaded = readFileSync('/proc/self/maps', 'utf8').includes('libsystemd.node');
      result([report, loaded]);
    `;
    const [report, loaded] = (await run(main, options)) as [Report, boolean];
    expect(loaded).toBe(false);
    expect(report).toMatchObject({
      all: { value: [] },
      named: { value: 0 },
      one: { value: undefined },
    });
  });
});
