// Descriptors that a real manager keeps while the service restarts.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { describeInBed, puppet, VERSION } from './bed.ts';

const LIMIT = 4;
const UNITS = {
  'store@.service': puppet(
    ...['Type=exec', 'NotifyAccess=main', `FileDescriptorStoreMax=${LIMIT}`],
  ),
  'no-store.service': puppet('Type=exec', 'NotifyAccess=main'),
};

/** A server on a Unix socket that answers with `answer` before what it was sent. */
const serve = (path: string) => `
  keep.sockets = [];
  keep.server = require('node:net').createServer((socket) => {
    keep.sockets.push(socket);
    socket.on('data', (data) => socket.write('first: ' + data));
  });
  keep.server.listen('${path}');
  await require('node:events').once(keep.server, 'listening');
`;

describeInBed('the fd store of a service manager', [UNITS], (bed) => {
  const clients: Socket[] = [];
  afterEach(() => {
    for (const client of clients.splice(0)) client.destroy();
  });

  async function dial(path: string): Promise<Socket> {
    const client = connect(bed().path(path)).setEncoding('utf8');
    clients.push(client);
    await once(client, 'connect');
    return client;
  }

  async function ask(client: Socket, question: string): Promise<string> {
    client.write(question);
    const [answer] = await once(client, 'data');
    return answer;
  }

  const stored = async (unit: string) => (await bed().show(unit)).NFileDescriptorStore;

  test('a connection and a memory file survive a restart under their names, remove drops them', async () => {
    const unit = 'store@survive';
    await bed().systemctl('start', unit);
    await bed().tell(unit, serve('/run/survive.sk'));
    const client = await dial('/run/survive.sk');
    let closed = false;
    client.once('close', () => {
      closed = true;
    });
    expect(await ask(client, 'hello')).toBe('first: hello');
    const pid = await bed().tell(
      unit,
      `const fs = require('node:fs');
       const memory = fs.openSync('/dev/shm/state', 'w+');
       fs.unlinkSync('/dev/shm/state');
       fs.writeSync(memory, 'counted to 41');
       fdStore.add('memory', memory);
       fdStore.add('connection', keep.sockets[0]);
       await notify.barrier();
       return process.pid;`,
    );
    expect(await stored(unit)).toBe(2);

    await bed().systemctl('restart', unit);
    expect(await bed().tell(unit, 'return process.pid')).not.toBe(pid);
    expect(await bed().tell(unit, 'return listenFds("connection")')).toMatchObject([
      { kind: 'socket', family: 'unix', type: 'stream', localAddress: { path: '/run/survive.sk' } },
    ]);
    expect(await bed().tell(unit, 'return listenFds("memory")')).toMatchObject([
      { kind: 'file', path: '/dev/shm/state (deleted)' },
    ]);
    const read = `
      const bytes = Buffer.alloc(100);
      const length = require('node:fs').readSync(listenFd('memory').fd, bytes, 0, 100, 0);
      return bytes.toString('utf8', 0, length);
    `;
    expect(await bed().tell(unit, read)).toBe('counted to 41');
    const goOn = `
      keep.socket = new (require('node:net').Socket)({ fd: listenFd('connection').fd });
      keep.socket.on('data', (data) => keep.socket.write('second: ' + data));
    `;
    await bed().tell(unit, goOn);
    expect(await ask(client, 'still there?')).toBe('second: still there?');

    await bed().tell(unit, 'fdStore.remove("memory"); await notify.barrier()');
    expect(await stored(unit)).toBe(1);
    // As long as the manager has it too, the other side sees no end.
    await bed().tell(unit, 'keep.socket.destroy()');
    expect(await stored(unit)).toBe(1);
    expect(closed).toBe(false);
    const end = once(client, 'close');
    await bed().tell(unit, 'fdStore.remove("connection"); await notify.barrier()');
    expect(await stored(unit)).toBe(0);
    await end;
  });

  test('a stored server goes on listening: who connects meanwhile is served', async () => {
    const unit = 'store@server';
    await bed().systemctl('start', unit);
    await bed().tell(unit, serve('/run/server.sk'));
    await bed().tell(unit, 'fdStore.add("web", keep.server); await notify.barrier()');
    await bed().systemctl('restart', unit);
    const client = await dial('/run/server.sk'); // nobody accepts yet
    const answer = ask(client, 'hello');
    const listen = `
      const echo = (socket) => socket.on('data', (data) => socket.write('second: ' + data));
      return await listen(require('node:net').createServer(echo), { name: 'web' });
    `;
    expect(await bed().tell(unit, listen)).toEqual({ family: 'unix', path: '/run/server.sk' });
    expect(await answer).toBe('second: hello');
  });

  test('a connection that hangs up leaves the store, and with poll: false stays', async () => {
    const unit = 'store@poll';
    await bed().systemctl('start', unit);
    await bed().tell(unit, serve('/run/poll.sk'));
    const polled = await dial('/run/poll.sk');
    await ask(polled, 'first in');
    const kept = await dial('/run/poll.sk');
    await ask(kept, 'second in');
    const add = `
      fdStore.add('polled', keep.sockets[0]);
      fdStore.add('kept', keep.sockets[1], { poll: false });
      await notify.barrier();
    `;
    await bed().tell(unit, add);
    expect(await stored(unit)).toBe(2);
    kept.destroy();
    polled.destroy();
    await bed().until(unit, ({ NFileDescriptorStore }) => NFileDescriptorStore < 2);
    await bed().systemctl('restart', unit);
    expect(await bed().tell(unit, 'return listenFds().map(({ name }) => name)')).toEqual(['kept']);
  });

  test('the limit is told from 254 on, and what is above it is not kept', async () => {
    const unit = 'store@limit';
    await bed().systemctl('start', unit);
    const limit = await bed().tell(unit, 'return fdStore.limit');
    expect(limit).toBe(VERSION >= 254 ? LIMIT : undefined);
    const add = `
      const fs = require('node:fs');
      const open = (i) => fs.openSync('/dev/shm/limit-' + i, 'w');
      const added = Array.from({ length: ${LIMIT + 2} }, (_, i) => fdStore.add('n' + i, open(i)));
      await notify.barrier();
      return added;
    `;
    expect(await bed().tell(unit, add)).toEqual(Array(LIMIT + 2).fill(true));
    expect(await stored(unit)).toBe(LIMIT);
  });

  test('without FileDescriptorStoreMax= nothing is kept', async () => {
    await bed().systemctl('start', 'no-store');
    const add =
      'fdStore.add("server", 0, { poll: false }); await notify.barrier(); return fdStore.limit';
    expect(await bed().tell('no-store', add)).toBeUndefined();
    expect(await stored('no-store')).toBe(0);
  });
});
