// What happens when messages come faster than they are taken, when a socket is paused or closed, and at the end of threads
// and processes.
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, test } from 'vitest';
import { UnixDatagram, type UnixName } from '../../lib/unix.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { root } from '../support/tools.ts';
import { Collected, node, openFds, python, startNode, until } from './peer.ts';

const folder = temporaryFolder();
let names = 0;
const newPath = () => join(folder, String(++names));
const nameOf = (socket: UnixDatagram) => socket.address() as UnixName;
const failure = (facts: object) => expect.objectContaining(facts);
const numbers = (count: number) => Array.from({ length: count }, (_, i) => String(i));

/** A socket that nobody reads, and one that sends to it until it has no room. */
async function fullSocket(connected: boolean, options = {}) {
  const receiver = new UnixDatagram().bind(newPath());
  const sender = new UnixDatagram(options);
  if (connected) sender.connect(nameOf(receiver));
  const to = connected ? undefined : nameOf(receiver);
  let sent = 0;
  while (sender.trySend('full', to)) sent++;
  return { receiver, sender, to, sent };
}

describe.each([
  ['connected', true],
  ['unconnected', false],
])('a %s sender', (_what, connected) => {
  test('waits for room, and loses nothing', async () => {
    const { receiver, sender, to, sent } = await fullSocket(connected, { maxWaiting: 5000 });
    const promises = numbers(5000).map((text) => sender.send(text, to));
    expect(sender.waiting).toBe(5000);
    const received = new Collected(receiver);
    expect(new Set(await Promise.all(promises))).toEqual(new Set([true]));
    await received.first(sent + 5000);
    expect(received.texts.slice(sent)).toEqual(numbers(5000));
    expect([sender.waiting, sender.dropped]).toEqual([0, 0]);
    await Promise.all([receiver.close(), sender.close()]);
  });

  test('says so when too many messages wait', async () => {
    const { receiver, sender, to } = await fullSocket(connected, { maxWaiting: 2 });
    const waiting = [sender.send('1', to), sender.send('2', to)];
    const facts = { name: 'SystemdError', code: 'ERR_SYSTEMD_QUEUE_FULL' };
    await expect(sender.send('3', to)).rejects.toThrow(failure(facts));
    expect(sender.trySend('4', to)).toBe(false);
    const received = new Collected(receiver);
    expect(await Promise.all(waiting)).toEqual([true, true]);
    expect(await sender.send('5', to)).toBe(true);
    await until(() => received.texts.at(-1) === '5');
    expect(received.texts.slice(-3)).toEqual(['1', '2', '5']);
    await Promise.all([receiver.close(), sender.close()]);
  });

  test('drops and counts what there is no room or no receiver for', async () => {
    const { receiver, sender, to } = await fullSocket(connected, { whenFull: 'drop' });
    expect(await sender.send('x', to)).toBe(false);
    expect([sender.dropped, sender.waiting]).toEqual([1, 0]);
    await receiver.close();
    expect(await sender.send('x', to ?? undefined).catch(() => 'failed')).toBe(false);
    expect(await sender.send('x', to ?? undefined).catch(() => 'failed')).toBe(false);
    expect(sender.dropped).toBe(3);
    await expect(sender.send(Buffer.alloc(1 << 20), newPath())).rejects.toThrow(
      failure({ code: 'EMSGSIZE' }),
    );
    await sender.close();
    expect(sender.dropped).toBe(3);
  });

  test('gives up what waits when it is closed', async () => {
    const { receiver, sender, to } = await fullSocket(connected);
    const sent = sender.send('x', to);
    await sender.close();
    await expect(sent).rejects.toThrow(failure({ code: 'ERR_SYSTEMD_CLOSED' }));
    await expect(sender.send('y', to)).rejects.toThrow(failure({ code: 'ERR_SYSTEMD_CLOSED' }));
    expect(() => sender.trySend('z', to)).toThrow(failure({ code: 'ERR_SYSTEMD_CLOSED' }));
    expect(() => sender.bind(newPath())).toThrow(failure({ code: 'ERR_SYSTEMD_CLOSED' }));
    await receiver.close();
  });

  test('refuses at once what can never be sent, also while others wait', async () => {
    const { receiver, sender, to } = await fullSocket(connected);
    const first = sender.send('first', to);
    const list = { code: 'ERR_INVALID_ARG_TYPE' };
    const range = { code: 'ERR_OUT_OF_RANGE' };
    for (const [fds, facts] of [
      [['0'], list],
      [[undefined], list],
      [[0.5], range],
      [[2 ** 31], range],
      [Array(4097).fill(0), range],
    ] as const) {
      const options = { fds: fds as number[] };
      await expect(sender.send('x', to, options)).rejects.toThrow(failure(facts));
    }
    for (const data of [Object.create(Uint8Array.prototype), new Proxy(new Uint8Array(1), {})]) {
      await expect(sender.send(data, to)).rejects.toThrow(failure(list));
    }
    const last = sender.send('last', to);
    const received = new Collected(receiver);
    expect(await Promise.all([first, last])).toEqual([true, true]);
    await until(() => received.texts.at(-1) === 'last');
    expect(received.texts.slice(-2)).toEqual(['first', 'last']);
    expect(sender.waiting).toBe(0);
    await Promise.all([receiver.close(), sender.close()]);
  });

  test('fails for what waits when the receiver goes', async () => {
    const { receiver, sender, to } = await fullSocket(connected);
    const sent = [sender.send('x', to), sender.send('y', to)];
    await receiver.close();
    for (const each of sent) await expect(each).rejects.toThrow(failure({ code: 'ENOENT' }));
    expect(sender.waiting).toBe(0);
    await sender.close();
  });
});

test('a receiver without room does not hold up another one', async () => {
  const { receiver, sender, to } = await fullSocket(false);
  await using other = new UnixDatagram().bind(newPath());
  const received = new Collected(other);
  const sent = sender.send('waits', to);
  expect(await sender.send('does not', nameOf(other))).toBe(true);
  expect(await received.first(1)).toEqual(['does not']);
  expect(sender.waiting).toBe(1);
  const slow = new Collected(receiver);
  expect(await sent).toBe(true);
  await until(() => slow.texts.at(-1) === 'waits');
  await Promise.all([receiver.close(), sender.close()]);
});

test('nothing is lost between a fast sender in another process and a slow receiver', async () => {
  await using receiver = new UnixDatagram().bind(newPath());
  const received = new Collected(receiver);
  const sent = python(
    `
    s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    s.connect(sys.argv[1])
    for i in range(20000): s.send(str(i).encode())`,
    (receiver.address() as { path: string }).path,
  );
  for (let i = 0; i < 20; i++) {
    await new Promise((resolve) => setTimeout(resolve, 1));
    receiver.pause();
    await new Promise((resolve) => setTimeout(resolve, 1));
    receiver.resume();
  }
  await received.first(20_000);
  await sent;
  expect(received.texts).toEqual(numbers(20_000));
});

describe('messages stay in the socket', () => {
  test('while nobody listens to them', async () => {
    await using receiver = new UnixDatagram().bind(newPath());
    await using sender = new UnixDatagram().connect(nameOf(receiver));
    for (const text of numbers(8)) await sender.send(text);
    await once(receiver, 'listening');
    await new Promise((resolve) => setTimeout(resolve, 20));
    const [first] = await once(receiver, 'message');
    expect(String(first)).toBe('0');
    await new Promise((resolve) => setTimeout(resolve, 20));
    const received = new Collected(receiver);
    expect(await received.first(7)).toEqual(numbers(8).slice(1));
  });

  test('while the socket is paused, also by a listener', async () => {
    await using receiver = new UnixDatagram().pause().bind(newPath());
    await using sender = new UnixDatagram().connect(nameOf(receiver));
    const received = new Collected(receiver);
    receiver.on('message', () => receiver.pause());
    for (const text of numbers(8)) await sender.send(text);
    for (const count of [0, 1, 2]) {
      await new Promise((resolve) => setTimeout(resolve, 10));
      expect(received.texts).toEqual(numbers(count));
      receiver.resume();
    }
  });
});

test('a closed socket hands over nothing more, and leaves nothing open', async () => {
  const before = openFds();
  const receiver = new UnixDatagram({ fds: true }).bind(newPath());
  const sender = new UnixDatagram().connect(nameOf(receiver));
  for (const text of numbers(8)) await sender.send(text, undefined, { fds: [0] });
  const received = new Collected(receiver);
  receiver.on('message', () => void receiver.close());
  await once(receiver, 'close');
  await sender.close();
  await new Promise((resolve) => setTimeout(resolve, 10));
  expect(received.texts).toEqual(['0']);
  expect(openFds()).toEqual(before);
});

describe('a socket that other code has closed', () => {
  const sockets = {
    UnixDatagram: `new unix.UnixDatagram().bind(args[0]).on('message', () => {})`,
    UnixSeqpacketServer: `new unix.UnixSeqpacketServer().listen(args[0])`,
    UnixSeqpacket: `(new unix.UnixSeqpacketServer().unref().listen(args[0]), await new unix.UnixSeqpacket().connect(args[0]))`,
  };

  test.each(Object.entries(sockets))(
    'closes all the same, and lets the process end: %s',
    async (_name, socket) => {
      const program = `
        import { closeSync } from 'node:fs';
        const socket = ${socket};
        socket.once('close', () => console.log('close'));
        closeSync(socket.fd);
        await socket.close();
        console.log('closed');`;
      const lines = (await node(program, newPath())).split('\n');
      expect(new Set(lines)).toEqual(new Set(['close', 'closed']));
    },
  );

  test.each(Object.entries(sockets))(
    'leaves the file alone that has its number now: %s',
    async (_name, socket) => {
      const program = `
        import { closeSync, fstatSync, openSync } from 'node:fs';
        const socket = ${socket};
        const { fd } = socket;
        closeSync(fd);
        const same = openSync('/dev/null') === fd;
        await socket.close();
        console.log(same, fstatSync(fd).isCharacterDevice());`;
      expect(await node(program, newPath())).toBe('true true');
    },
  );
});

test('await using closes a socket', async () => {
  const path = newPath();
  {
    await using socket = new UnixDatagram().bind(path);
    expect(socket.fd).toBeGreaterThan(2);
  }
  expect(existsSync(path)).toBe(false);
});

describe('the process', () => {
  test.each([
    ['goes on while a socket waits for messages', `socket.on('message', () => {})`, 'running'],
    ['ends after unref()', `socket.on('message', () => {}).unref()`, 'ended'],
    ['goes on after ref()', `socket.unref().on('message', () => {}).ref()`, 'running'],
    [
      'ends when the socket is closed',
      `socket.on('message', () => {}); await socket.close()`,
      'ended',
    ],
    ['ends when nobody listens', '', 'ended'],
    ['ends when a socket only sends', `await new unix.UnixDatagram().send('x', args[0])`, 'ended'],
  ])('%s', async (_what, code, state) => {
    const path = newPath();
    const child = startNode(
      `const socket = new unix.UnixDatagram().bind(args[0]); ${code}; console.log('ready');`,
      path,
    );
    await once(child.stdout, 'data');
    // Only what does not end can be asked for something.
    const sender = new UnixDatagram({ whenFull: 'drop' });
    if (state === 'running') {
      await new Promise((resolve) => setTimeout(resolve, 100));
      expect(child.exitCode).toBeNull();
      child.kill();
    }
    const [code_] = await child.ended;
    expect(code_).toBe(state === 'running' ? null : 0);
    await sender.close();
  });

  test('goes on while a message waits for room', async () => {
    const { receiver, sender, sent } = await fullSocket(false);
    const { path } = receiver.address() as { path: string };
    const child = startNode(
      `void new unix.UnixDatagram().send('waited', args[0]); console.log('waits');`,
      path,
    );
    await once(child.stdout, 'data');
    const received = new Collected(receiver);
    await received.first(sent + 1);
    expect(received.texts.at(-1)).toBe('waited');
    expect((await child.ended)[0]).toBe(0);
    await Promise.all([receiver.close(), sender.close()]);
  });

  test('sees the error of a listener, and the messages after it', async () => {
    const output = await node(
      `
      const socket = new unix.UnixDatagram().bind(args[0]);
      process.on('uncaughtException', (error) => console.log(error.message));
      socket.on('message', (data) => {
        if (String(data) === '2') void socket.close();
        throw new Error('listener of ' + data);
      });
      const sender = new unix.UnixDatagram().connect(args[0]);
      for (const text of ['0', '1', '2']) await sender.send(text);
      await sender.close();`,
      newPath(),
    );
    expect(output.split('\n')).toEqual(['listener of 0', 'listener of 1', 'listener of 2']);
  });

  test('runs promises and nextTick() after the messages of a turn', async () => {
    const output = await node(
      `
      const socket = new unix.UnixDatagram().bind(args[0]);
      socket.on('message', (data) => {
        process.nextTick(() => console.log('tick'));
        Promise.resolve().then(() => { console.log('promise'); socket.close(); });
      });
      await new unix.UnixDatagram().send('x', args[0]);`,
      newPath(),
    );
    expect(output).toBe('tick\npromise');
  });
});

describe('a worker thread', () => {
  const threads = `
    import { Worker } from 'node:worker_threads';
    import { readdirSync, readlinkSync } from 'node:fs';
    const open = () => readdirSync('/proc/self/fd').flatMap((fd) => {
      try { return /socket|eventpoll/.test(readlinkSync('/proc/self/fd/' + fd)) ? [fd] : []; } catch { return []; }
    }).length;
    const source = (code) => new URL('data:text/javascript,' + encodeURIComponent(
      'import * as unix from ' + JSON.stringify(args[1]) + '; import { parentPort } from "node:worker_threads";' + code));
    const start = (code) => new Promise((resolve) => {
      const worker = new Worker(source(code), { argv: [] });
      worker.once('message', () => resolve(worker));
    });`;
  const file = pathToFileURL(join(root, 'dist/unix.js')).href;

  test('receives and sends, and what it leaves is closed when it is terminated', async () => {
    const output = await node(
      `${threads}
      const before = open();
      for (let i = 0; i < 5; i++) {
        const worker = await start(\`
          const a = new unix.UnixDatagram({ fds: true }).bind(\${JSON.stringify(args[0] + i)});
          const b = new unix.UnixDatagram().connect(\${JSON.stringify(args[0] + i)});
          a.on('message', (data, message) => { parentPort.postMessage(String(data)); for (;;); });
          for (let n = 0; n < 20; n++) await b.send('x', undefined, { fds: [b.fd, b.fd] });
          \`);
        await worker.terminate();
      }
      console.log(open() - before);`,
      newPath(),
      file,
    );
    expect(output).toBe('0');
  });

  test('that ends by itself, with sockets open and unref, leaves nothing', async () => {
    const output = await node(
      `${threads}
      const before = open();
      const worker = await start(\`
        const a = new unix.UnixDatagram().bind(\${JSON.stringify(args[0])}).unref();
        a.on('message', () => {});
        parentPort.postMessage('ready');\`);
      await new Promise((resolve) => worker.once('exit', resolve));
      console.log(open() - before);`,
      newPath(),
      file,
    );
    expect(output).toBe('0');
  });

  test('and the main thread have sockets of their own', async () => {
    const output = await node(
      `${threads}
      const socket = new unix.UnixDatagram().bind(args[0]);
      socket.on('message', async (data, { from }) => { console.log(String(data)); await socket.send('answer', from); });
      const worker = await start(\`
        const a = new unix.UnixDatagram().bind(\${JSON.stringify(args[0] + 'w')});
        a.on('message', (data) => { a.close(); parentPort.postMessage(String(data)); });
        await a.send('question', \${JSON.stringify(args[0])});\`);
      await socket.close();`,
      newPath(),
      file,
    );
    expect(output).toBe('question');
  });
});
