import { join } from 'node:path';
import type { Address, InheritedDescriptor } from 'libsystemd';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type LaunchOptions, spawnLaunched } from '../support/launch.ts';
import { Service } from '../support/service.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { root } from '../support/tools.ts';
import { datagram, exchange, reachable } from './clients.ts';
import { nobody, nobodyLacks, ssLacks } from './machine.ts';
import { notActivated } from './run.ts';

const folder = temporaryFolder();

type Outcome = Address | { readonly code: string; readonly message: string };

/** The line that a worker prints when it has done its steps. */
interface Worker {
  readonly worker: number;
  readonly outcomes: readonly Outcome[];
  readonly passed?: readonly InheritedDescriptor[];
  readonly same?: boolean;
  readonly child?: unknown;
  readonly refused?: Outcome;
}

interface Orders {
  readonly policy: 'SCHED_RR' | 'SCHED_NONE';
  readonly taken: boolean;
  readonly workers?: number;
  readonly steps: readonly string[];
  readonly options?: object;
  readonly uid?: number;
  readonly files?: 'before' | 'after';
  readonly busy?: boolean;
  readonly children?: boolean;
  readonly ssOf?: readonly number[];
}

/** Starts a program that may have at most `most` descriptors open, as LimitNOFILE= does. */
const withFewFiles = (most: number) => ['sh', '-c', `ulimit -n ${most}; exec "$0" "$@"`];

/** A running cluster, and the lines that it has printed so far. */
class Cluster extends Service {
  passed: readonly InheritedDescriptor[] | undefined;
  backlogs: readonly number[] | undefined;
  readonly workers: Worker[] = [];

  static start(
    specs: readonly string[],
    orders: Orders,
    options: LaunchOptions = {},
    before: readonly string[] = [],
  ): Cluster {
    const program = join(root, 'test/activation/programs/cluster.mjs');
    const command = [...before, process.execPath, program, JSON.stringify(orders)];
    return new Cluster(spawnLaunched(specs, command, { cwd: root, ...options }));
  }

  /** Resolves once `count` workers have done their steps. */
  async worked(count: number): Promise<readonly Worker[]> {
    while (this.workers.length < count) await this.#read();
    return this.workers;
  }

  /** Resolves with the backlogs that the primary prints once all workers have listened. */
  async kept(): Promise<readonly number[]> {
    while (this.backlogs === undefined) await this.#read();
    return this.backlogs;
  }

  async #read(): Promise<void> {
    const line = await this.next<Worker | Pick<Cluster, 'passed' | 'backlogs'>>();
    if ('worker' in line) this.workers.push(line);
    else Object.assign(this, line);
  }
}

const situations = (['SCHED_RR', 'SCHED_NONE'] as const).flatMap((policy) =>
  [true, false].map((taken) => ({
    ...{ policy, taken },
    primary: taken ? 'which called listenFds()' : 'which did not call listenFds()',
  })),
);

describe.each(situations)('workers by $policy of a primary $primary', ({ policy, taken }) => {
  let cluster: Cluster;
  let path: string;

  beforeAll(async () => {
    path = join(folder, `${policy}-${taken}`);
    const specs = ['tcp:127.0.0.1:0,backlog=77', `unix:${path},backlog=3000`, 'udp:127.0.0.1:0'];
    const ssOf = ssLacks === undefined ? [3, 4] : [];
    const orders = { policy, taken, steps: ['tcp', 'unix', 'udp'], children: true, ssOf };
    cluster = Cluster.start(specs, orders, { names: 'tcp:unix:udp' });
    await cluster.worked(2);
    await cluster.kept();
  });

  afterAll(async () => await cluster[Symbol.asyncDispose]());

  const pids = () => cluster.workers.map(({ worker }) => worker).toSorted();

  test('listen on TCP, Unix and UDP, and listen() returns the addresses', () => {
    const loopback = { family: 'inet', address: '127.0.0.1', port: expect.any(Number) };
    const [first, second] = cluster.workers;
    expect(first!.outcomes).toEqual([loopback, { family: 'unix', path }, loopback]);
    expect(second!.outcomes).toEqual(first!.outcomes);
  });

  test('list what the primary was passed, with its numbers and names', () => {
    const expected = [
      { fd: 3, name: 'tcp', kind: 'socket', family: 'inet', type: 'stream', protocol: 6 },
      { fd: 4, name: 'unix', kind: 'socket', family: 'unix', type: 'stream', protocol: 0 },
      { fd: 5, name: 'udp', kind: 'socket', family: 'inet', type: 'dgram', protocol: 17 },
    ];
    for (const { passed, outcomes, same } of cluster.workers) {
      expect(passed).toEqual(
        expected.map((of, i) => ({ ...of, listening: i < 2, localAddress: outcomes[i] })),
      );
      expect(same).toBe(true);
    }
    expect(cluster.passed).toEqual(taken ? cluster.workers[0]!.passed : undefined);
  });

  test('leave the backlogs as they were', (ctx) => {
    ctx.skip(ssLacks !== undefined, ssLacks);
    expect(cluster.backlogs).toEqual([77, 3000]);
  });

  test('start children that are passed nothing', () => {
    expect(cluster.workers.map(({ child }) => child)).toEqual([[], []]);
  });

  test.each([
    ['TCP', 0],
    ['Unix', 1],
  ])('serve on %s, each of them', async (_what, step) => {
    const to = reachable(cluster.workers[0]!.outcomes[step] as Address);
    const answers = [await exchange(to), await exchange(to)];
    expect(answers.toSorted()).toEqual(pids().map((pid) => `${pid} ${step}`));
  });

  test('serve on UDP', async () => {
    const to = reachable(cluster.workers[0]!.outcomes[2] as Address);
    expect(pids().map((pid) => `${pid} 2`)).toContain(await datagram(to, 'hello'));
  });
});

const tcp = 'tcp:127.0.0.1:0,backlog=77';
const ssOf = ssLacks === undefined ? [3] : [];
const backlogs = (backlog: number) => ssOf.map(() => backlog);

async function pidThatServes(address: Outcome): Promise<number> {
  return Number.parseInt(await exchange(reachable(address as Address)), 10);
}

describe.each(situations)('a worker by $policy of a primary $primary', ({ policy, taken }) => {
  const orders = { policy, taken, ssOf, workers: 1 };

  test.each([
    ['when the primary has time', false],
    ['when the primary is slow to answer', true],
  ])('raises the backlog by its option, %s', async (_when, busy) => {
    const steps = ['unknown'];
    const options = { backlog: 200 };
    await using cluster = Cluster.start([tcp], { ...orders, steps, options, busy });
    await cluster.worked(1);
    expect(await cluster.kept()).toEqual(backlogs(200));
  });

  test('listens where the primary may have only 256 descriptors, and the backlog stays', async () => {
    const steps = ['unknown'];
    await using cluster = Cluster.start([tcp], { ...orders, steps }, {}, withFewFiles(256));
    const [{ worker, outcomes }] = (await cluster.worked(1)) as [Worker];
    expect(await cluster.kept()).toEqual(backlogs(77));
    expect(await pidThatServes(outcomes[0]!)).toBe(worker);
  });

  test('listens on its fallback when the primary was passed nothing', async () => {
    const steps = ['unknown'];
    const options = { fallback: { port: 0, host: '127.0.0.1' } };
    const everything = { ...orders, ssOf: [], workers: 2, steps, options };
    await using cluster = Cluster.start([], everything, notActivated);
    const [first, second] = await cluster.worked(2);
    const [address] = first!.outcomes;
    expect(address).toEqual({ family: 'inet', address: '127.0.0.1', port: expect.any(Number) });
    expect(second!.outcomes).toEqual([address]);
    expect([first!.worker, second!.worker]).toContain(await pidThatServes(address!));
  });
});

describe.each([{ policy: 'SCHED_RR' }, { policy: 'SCHED_NONE' }] as const)(
  'by $policy',
  ({ policy }) => {
    test.each([
      ['', { taken: true }],
      ['where the primary only forks and replaces', { taken: false }],
      ['where the primary had many descriptors open before', { taken: true, files: 'before' }],
      ['where the primary has opened many since', { taken: true, files: 'after' }],
    ] as const)('each worker that follows when all were killed listens %s', async (_, how) => {
      const orders = { policy, steps: ['unknown'], ssOf, ...how };
      await using cluster = Cluster.start([tcp], orders);
      await cluster.worked(2);
      expect(await cluster.kept()).toEqual(backlogs(77));
      for (const { worker } of cluster.workers) process.kill(worker, 'SIGKILL');
      const { worker: third } = (await cluster.worked(3))[2]!;
      process.kill(third, 'SIGKILL');
      const { worker, outcomes } = (await cluster.worked(4))[3]!;
      expect(outcomes).toEqual(cluster.workers[0]!.outcomes);
      expect(await pidThatServes(outcomes[0]!)).toBe(worker);
    });

    test('a worker listens again with another server when its only one has closed', async () => {
      const orders = { policy, taken: true, steps: ['unknown', 'close', 'unknown'], workers: 1 };
      await using cluster = Cluster.start([tcp], orders);
      const [worker] = await cluster.worked(1);
      const [first, again] = worker!.outcomes;
      expect(again).toEqual(first);
      expect(await exchange(reachable(again as Address))).toBe(`${worker!.worker} 2`);
    });

    test('two servers of one worker listen on one descriptor', async () => {
      const orders = { policy, taken: true, steps: ['unknown', 'unknown'], workers: 1 };
      await using cluster = Cluster.start([tcp], orders);
      const [{ worker, outcomes }] = (await cluster.worked(1)) as [Worker];
      const [address, second] = outcomes as [Address, Outcome];
      const first = `${worker} 0`;
      expect(second).toEqual(address);
      const answers = [await exchange(reachable(address)), await exchange(reachable(address))];
      expect(answers.toSorted()).toEqual([first, `${worker} 1`]);
    });

    describe('workers of the user nobody, who may not inspect a process of root,', () => {
      test('get an error that says what to do, when the primary has not called listenFds()', async (ctx) => {
        ctx.skip(nobodyLacks !== undefined, nobodyLacks);
        const orders = { policy, taken: false, uid: nobody, workers: 1, steps: ['unknown'] };
        await using cluster = Cluster.start([tcp], orders);
        const [worker] = await cluster.worked(1);
        const refusal = {
          code: 'ERR_SYSTEMD_CLUSTER',
          message: expect.stringMatching(
            /EPERM.*pidfd_getfd.*: call listenFds\(\) in the primary before cluster\.fork\(\)$/,
          ),
        };
        expect(worker).toMatchObject({ outcomes: [refusal], refused: refusal });
      });

      test('listen when the primary has called listenFds(), and the backlog stays', async (ctx) => {
        ctx.skip(nobodyLacks !== undefined, nobodyLacks);
        const orders = { policy, taken: true, uid: nobody, steps: ['unknown'], ssOf };
        await using cluster = Cluster.start([tcp], orders);
        const [first, second] = await cluster.worked(2);
        expect(await cluster.kept()).toEqual(backlogs(77));
        const [address] = first!.outcomes;
        const served = [await pidThatServes(address!), await pidThatServes(address!)];
        expect(served.toSorted()).toEqual([first!.worker, second!.worker].toSorted());
      });
    });
  },
);

describe('workers of a primary that was passed', () => {
  const orders = { policy: 'SCHED_RR', taken: true, workers: 1, ssOf } as const;

  /** Passes `count` listeners, with names of `length` characters. A worker listens on the last one. */
  function start(count: number, length: number, uid?: number): Cluster {
    const names = Array.from({ length: count }, (_, i) => `${i}`.padStart(length, 'n'));
    const options = { names: names.join(':') };
    const specs = names.map(() => tcp);
    const steps = names.slice(-1);
    return Cluster.start(specs, { ...orders, steps, ...(uid && { uid }) }, options);
  }

  test.each([
    ['101 descriptors', 101, 4],
    ['more than fits into a variable uncompressed', 450, 250],
    ['as many as the manager can name', 509, 255],
  ])('%s find theirs, also when all were killed', async (_what, count, length) => {
    await using cluster = start(count, length);
    process.kill((await cluster.worked(1))[0]!.worker, 'SIGKILL');
    const { worker, outcomes } = (await cluster.worked(2))[1]!;
    expect(outcomes).toMatchObject([{ family: 'inet', address: '127.0.0.1' }]);
    expect(await cluster.kept()).toEqual(backlogs(77));
    expect(await pidThatServes(outcomes[0]!)).toBe(worker);
  });

  test('101 descriptors find theirs also as another user, who may not inspect a process of root', async (ctx) => {
    ctx.skip(nobodyLacks !== undefined, nobodyLacks);
    await using cluster = start(101, 4, nobody);
    const [{ worker, outcomes, passed }] = (await cluster.worked(1)) as [Worker];
    expect(passed).toHaveLength(101);
    expect(await cluster.kept()).toEqual(backlogs(77));
    expect(await pidThatServes(outcomes[0]!)).toBe(worker);
  });
});
