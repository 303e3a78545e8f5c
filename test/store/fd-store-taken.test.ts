// fdStore.take() and fdStore.load() in a process that has inherited descriptors from launch.c: what
// they return, which descriptors stay open, and which messages arrive at the manager.
import { describe, expect, test } from 'vitest';
import { runWith } from '../support/descriptors.ts';
import { LONG } from '../support/long.ts';
import { startReceiver } from '../support/receiver.ts';

const prelude = `
  import { closeSync, fstatSync, openSync, readlinkSync, readdirSync } from 'node:fs';
  const { fdStore, listenFds, notify } = libsystemd;
  const isOpen = (fd) => 'value' in outcome(() => fstatSync(fd));
  const loaded = (name) => {
    const state = fdStore.load(name);
    return state && Buffer.from(state).toString();
  };
  const numbers = (descriptors) => descriptors.map(({ fd }) => fd);
`;

interface Found {
  readonly value: unknown;
  readonly messages: readonly string[];
}

/** Runs a module, and returns its result and the messages that it has sent. */
async function run(
  specs: readonly string[],
  names: string,
  source: string,
  env: Readonly<Record<string, string>> = {},
): Promise<Found> {
  await using manager = await startReceiver();
  const last = `
    process.env.NOTIFY_SOCKET = ${JSON.stringify(manager.address)};
    libsystemd.notify.send('X_LAST=1');
  `;
  const options = { names, env: { NOTIFY_SOCKET: manager.address, ...env } };
  const value = await runWith(specs, `${prelude}${source}\n${last}`, options);
  await manager.until('X_LAST=1');
  return { value, messages: manager.messages.map(({ message }) => message).slice(0, -1) };
}

const removal = (name: string) => `FDSTOREREMOVE=1\nFDNAME=${name}`;

describe('fdStore.load()', () => {
  test('returns the bytes once, closes their descriptor, and removes them from the store', async () => {
    const source = `
      const listed = listenFds();
      const states = [loaded('state'), loaded('state')];
      result({ states, open: isOpen(3), same: listed === listenFds(), list: numbers(listed) });
    `;
    expect(await run(['sealed:content', 'pipe'], 'state:other', source)).toEqual({
      value: { states: ['content', undefined], open: false, same: true, list: [3, 4] },
      messages: [removal('state')],
    });
  });

  test('returns all bytes, although another reader has moved the position in the file', async () => {
    const source = `
      import { readSync } from 'node:fs';
      readSync(3, Buffer.alloc(4));
      result(loaded('state'));
    `;
    expect((await run(['sealed:content'], 'state', source)).value).toBe('content');
  });

  test('returns 0 bytes when 0 bytes were saved', async () => {
    expect(await run(['sealed:'], 'state', `result(loaded('state'))`)).toEqual({
      value: '',
      messages: [removal('state')],
    });
  });

  test('returns undefined for a name that was not passed, and sends nothing', async () => {
    expect(await run(['sealed:content'], 'state', `result(loaded('State') === undefined)`)).toEqual(
      {
        value: true,
        messages: [],
      },
    );
  });

  test('returns the bytes without a manager too', async () => {
    const source = `
      delete process.env.NOTIFY_SOCKET;
      result([loaded('state'), loaded('state'), isOpen(3)]);
    `;
    expect(await run(['sealed:content'], 'state', source)).toEqual({
      value: ['content', undefined, false],
      messages: [],
    });
  });

  test('returns after save() what the previous process had saved, and the manager keeps the new bytes', async () => {
    const source = `
      fdStore.save('state', Buffer.from('newer'));
      result(loaded('state'));
    `;
    expect(await run(['sealed:content'], 'state', source)).toEqual({
      value: 'content',
      messages: [removal('state'), 'FDSTORE=1\nFDNAME=state\nFDPOLL=0'],
    });
  });

  test.each([
    ['a memory file that is not sealed', 'memfd:mine', 'file /memfd:mine (deleted)'],
    ['a device', 'dev:/dev/null', 'device /dev/null'],
    ['a pipe', 'pipe', 'fifo'],
    ['a connection', 'socketpair', 'unix stream socket connected to '],
  ])('refuses %s, leaves it open, and take() still returns it', async (_what, spec, got) => {
    const source = `
      const { error } = outcome(() => fdStore.load('state'));
      result({ error, open: isOpen(3), taken: numbers(fdStore.take('state')) });
    `;
    const expected = `Expected a sealed memory file, as fdStore.save() stores, and got fd 3 "state": ${got}`;
    expect(await run([spec], 'state', source)).toEqual({
      value: {
        error: {
          ...{ name: 'SystemdError', code: 'ERR_SYSTEMD_FD_KIND', fd: 3 },
          message: expect.stringContaining(expected),
        },
        open: true,
        taken: [3],
      },
      messages: [removal('state')], // by take()
    });
  });

  test('refuses two files of one name, and leaves both open', async () => {
    const source = `
      const { error } = outcome(() => fdStore.load('state'));
      result([error.code, isOpen(3), isOpen(4)]);
    `;
    expect(await run(['sealed:a', 'sealed:b'], 'state:state', source)).toEqual({
      value: ['ERR_SYSTEMD_FD_COUNT', true, true],
      messages: [],
    });
  });
});

describe('fdStore.take()', () => {
  test('returns all of the name once, leaves them open, and removes them from the store', async () => {
    const source = `
      const listed = listenFds();
      const taken = [fdStore.take('client'), fdStore.take('client')];
      result({
        taken: taken.map(numbers),
        described: taken[0][0] === listed[0],
        open: [3, 4, 5].map(isOpen),
        list: numbers(listenFds()),
        none: fdStore.take('nobody'),
      });
    `;
    const specs = ['socketpair', 'pipe', 'socketpair'];
    expect(await run(specs, 'client:other:client', source)).toEqual({
      value: {
        taken: [[3, 5], []],
        described: true,
        open: [true, true, true],
        list: [3, 4, 5],
        none: [],
      },
      messages: [removal('client')],
    });
  });

  test('a taken connection ends for the other side when it is closed', async () => {
    const source = `
      import { Socket } from 'node:net';
      const [{ fd }] = fdStore.take('client');
      const [other] = readdirSync('/proc/self/fd').map(Number).filter((fd) => fd >= 512);
      const socket = new Socket({ fd, readable: true, writable: true });
      const peer = new Socket({ fd: other, readable: true, writable: true });
      socket.write('still here');
      socket.on('data', (data) => socket.end('and ' + data));
      peer.write('there');
      let text = '';
      for await (const data of peer) text += data;
      result(text);
    `;
    const { value } = await run(['socketpair'], 'client', source);
    expect(value).toBe('still hereand there');
  });

  test('removes each name from the store once, and not again after remove() or save()', async () => {
    const source = `
      fdStore.remove('a');
      fdStore.save('b', new Uint8Array(1));
      const taken = ['a', 'b', 'c'].map((name) => numbers(fdStore.take(name)));
      fdStore.add('c', 0, { poll: true });
      taken.push(numbers(fdStore.take('c')));
      result(taken);
    `;
    expect(await run(['pipe', 'pipe', 'pipe'], 'a:b:c', source)).toEqual({
      value: [[3], [4], [5], []],
      messages: [
        removal('a'),
        removal('b'),
        'FDSTORE=1\nFDNAME=b\nFDPOLL=0',
        removal('c'),
        'FDSTORE=1\nFDNAME=c',
      ],
    });
  });

  test('takes nothing when the manager cannot be reached', async () => {
    const source = `
      const codes = ['take', 'load'].map((call) => outcome(() => fdStore[call]('state')).error.code);
      delete process.env.NOTIFY_SOCKET;
      result([...codes, isOpen(3), loaded('state')]);
    `;
    const env = { NOTIFY_SOCKET: '/nobody/here' };
    expect(await run(['sealed:content'], 'state', source, env)).toEqual({
      value: ['ENOENT', 'ENOENT', true, 'content'],
      messages: [],
    });
  });
});

/** Enough to tell a remembered name, of more than 10 bytes, from what Node needs for itself. */
const TIMES = LONG ? 5_000 : 2_000;
/** Bytes for three times as many names. */
const LIMIT = 3 * TIMES * 10;

test('uses no memory for names that were not passed, however many there are', async () => {
  const source = `
    import v8 from 'node:v8';
    import vm from 'node:vm';
    v8.setFlagsFromString('--expose-gc');
    const gc = vm.runInNewContext('gc');
    const growth = async (name) => {
      const use = async () => {
        for (let i = 0; i < ${TIMES}; i++) {
          fdStore.remove(name(i));
          if (i % 100 === 0) await notify.barrier();
        }
      };
      await use();
      gc();
      const before = process.memoryUsage().heapUsed;
      for (let i = 0; i < 3; i++) await use();
      gc();
      return process.memoryUsage().heapUsed - before;
    };
    let session = 0;
    const difference = async () =>
      (await growth(() => 'session-' + session++)) - (await growth(() => 'same'));
    // What Node itself keeps differs from time to time; names that are kept would take memory each time.
    let least = Number.POSITIVE_INFINITY;
    for (let i = 0; i < 4 && least >= ${LIMIT}; i++) least = Math.min(least, await difference());
    result(least);
  `;
  const { value } = await run(['pipe'], 'other', source);
  expect(value).toBeLessThan(LIMIT);
});

describe('descriptors of another owner', () => {
  const ask = `
    const outcomes = () =>
      [['take', 'state'], ['load', 'state'], ['take', 'x'], ['load', 'x']].map(([call, name]) => {
        const { value, error } = outcome(() => libsystemd.fdStore[call](name));
        return error ? error.code + ': ' + error.message : value;
      });
  `;
  const refused = (code: string, owner: string) =>
    `${code}: Only ${owner} can take fd 3 "state": file /memfd:sealed (deleted): call fdStore there`;

  test('are refused to a worker thread, and the main thread can take them', async () => {
    const source = `
      import { once } from 'node:events';
      import { Worker } from 'node:worker_threads';
      listenFds();
      const worker = new Worker(\`
        import { parentPort } from 'node:worker_threads';
        import * as libsystemd from 'libsystemd';
        const outcome = \${outcome};
        const errorFacts = \${errorFacts};
        ${ask}
        parentPort.postMessage(outcomes());
      \`, { eval: true });
      const [outcomes] = await once(worker, 'message');
      result([...outcomes, loaded('state')]);
    `;
    const refusal = refused('ERR_SYSTEMD_THREAD', 'the main thread');
    expect(await run(['sealed:content'], 'state', source)).toEqual({
      value: [refusal, refusal, [], undefined, 'content'],
      messages: [removal('state')],
    });
  });

  test.each([
    ['that called listenFds()', 'listenFds();'],
    ['that did not', ''],
  ])('are refused to a cluster worker, and a primary %s can take them', async (_which, before) => {
    const source = `
      import cluster from 'node:cluster';
      import { once } from 'node:events';
      ${ask}
      if (cluster.isPrimary) {
        cluster.setupPrimary({ exec: 'this module, which is in execArgv' });
        ${before}
        const worker = cluster.fork();
        const [message] = await once(worker, 'message');
        worker.disconnect();
        await once(worker, 'exit');
        result([...message, loaded('state')]);
      } else {
        process.send(outcomes());
        await once(process, 'disconnect');
        process.exit();
      }
    `;
    const refusal = refused('ERR_SYSTEMD_CLUSTER', "the cluster's primary");
    expect(await run(['sealed:content'], 'state', source)).toEqual({
      value: [refusal, refusal, [], null, 'content'],
      messages: [removal('state')],
    });
  });

  test('are not passed to workers once the primary has taken and closed them', async () => {
    const source = `
      import cluster from 'node:cluster';
      import { once } from 'node:events';
      if (cluster.isPrimary) {
        cluster.setupPrimary({ exec: 'this module, which is in execArgv' });
        const [{ fd }] = fdStore.take('udp');
        closeSync(fd);
        const file = openSync('/dev/zero', 'r');
        const worker = cluster.fork();
        await once(worker, 'online');
        const links = readdirSync('/proc/self/fd').map((fd) =>
          outcome(() => readlinkSync('/proc/self/fd/' + fd)).value);
        worker.kill();
        await once(worker, 'exit');
        result([file === fd, links.filter((link) => link === '/dev/zero').length]);
      } else {
        await new Promise(() => setInterval(() => {}, 1000));
      }
    `;
    const { value } = await run(['udp:127.0.0.1:0'], 'udp', source);
    expect(value).toEqual([true, 1]);
  });
});
