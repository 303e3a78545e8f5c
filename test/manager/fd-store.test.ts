// The fd store of a real manager: descriptors that it keeps while the service restarts.
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
  'crashing.service': puppet(
    ...['Type=exec', 'NotifyAccess=main', 'FileDescriptorStoreMax=2', 'Restart=on-failure'],
  ),
  'narrow.service': puppet(
    ...['Type=exec', 'NotifyAccess=main', 'FileDescriptorStoreMax=100', 'LimitNOFILE=64'],
  ),
};

/** Code of a server on a Unix socket that echoes with a prefix. */
const listenOn = (path: string) => `
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

  async function connectTo(path: string): Promise<Socket> {
    const client = connect(bed().path(path)).setEncoding('utf8');
    clients.push(client);
    await once(client, 'connect');
    return client.on('error', () => {}); // once() tells of an error while a test waits for an answer.
  }

  async function exchange(client: Socket, question: string): Promise<string> {
    client.write(question);
    const [answer] = await once(client, 'data');
    return answer;
  }

  const sendDatagram = (port: number, text: string) =>
    bed().evaluate(`
      import { createSocket } from 'node:dgram';
      const socket = createSocket('udp4');
      socket.send('${text}', ${port}, '127.0.0.1', () => {
        socket.close();
        result(null);
      });
    `);

  /** The number of descriptors in the fd store of a unit. */
  const countStored = async (unit: string) => (await bed().show(unit)).NFileDescriptorStore;

  const listNames = 'return listenFds().map(({ name }) => name)';

  /** Starts a unit whose puppet listens on a Unix socket. */
  async function startListening(unit: string, path: string): Promise<void> {
    await bed().systemctl('start', unit);
    await bed().runInService(unit, listenOn(path));
  }

  test('a connection and a memory file keep their names over a restart, and remove() drops them', async () => {
    const unit = 'store@survive';
    await startListening(unit, '/run/survive.sk');
    const client = await connectTo('/run/survive.sk');
    let closed = false;
    client.once('close', () => {
      closed = true;
    });
    expect(await exchange(client, 'hello')).toBe('first: hello');
    const pid = await bed().runInService(
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
    expect(await countStored(unit)).toBe(2);

    await bed().systemctl('restart', unit);
    expect(await bed().runInService(unit, 'return process.pid')).not.toBe(pid);
    expect(await bed().runInService(unit, 'return listenFds("connection")')).toMatchObject([
      { kind: 'socket', family: 'unix', type: 'stream', localAddress: { path: '/run/survive.sk' } },
    ]);
    expect(await bed().runInService(unit, 'return listenFds("memory")')).toMatchObject([
      { kind: 'file', path: '/dev/shm/state (deleted)' },
    ]);
    const read = `
      const bytes = Buffer.alloc(100);
      const length = require('node:fs').readSync(listenFd('memory').fd, bytes, 0, 100, 0);
      return bytes.toString('utf8', 0, length);
    `;
    expect(await bed().runInService(unit, read)).toBe('counted to 41');
    const goOn = `
      keep.socket = new (require('node:net').Socket)({ fd: listenFd('connection').fd });
      keep.socket.on('data', (data) => keep.socket.write('second: ' + data));
    `;
    await bed().runInService(unit, goOn);
    expect(await exchange(client, 'still there?')).toBe('second: still there?');

    await bed().runInService(unit, 'fdStore.remove("memory"); await notify.barrier()');
    expect(await countStored(unit)).toBe(1);
    // The client sees no end while the manager still has the connection.
    await bed().runInService(unit, 'keep.socket.destroy()');
    expect(await countStored(unit)).toBe(1);
    expect(closed).toBe(false);
    const end = once(client, 'close');
    await bed().runInService(unit, 'fdStore.remove("connection"); await notify.barrier()');
    expect(await countStored(unit)).toBe(0);
    await end;
  });

  /** Code that saves `bytes` random bytes, and returns their hash. */
  const saveRandom = (name: string, bytes: number) => `
    const { createHash, randomBytes } = require('node:crypto');
    const state = randomBytes(${bytes});
    const saved = fdStore.save('${name}', state);
    await notify.barrier();
    return [saved, createHash('sha256').update(state).digest('hex')];
  `;
  /** Code that loads a state twice, and returns hash and length of each result. */
  const loadTwice = (name: string) => `
    const hash = (state) => require('node:crypto').createHash('sha256').update(state).digest('hex');
    const states = [fdStore.load('${name}'), fdStore.load('${name}')];
    await notify.barrier();
    return states.map((state) => state && [hash(state), state.length]);
  `;

  test.each([0, 1, 10_000_000])(
    'a state of %d bytes can be loaded once after a restart',
    async (bytes) => {
      const unit = `store@state-${bytes}`;
      await bed().systemctl('start', unit);
      expect(await bed().runInService(unit, loadTwice('state'))).toEqual([null, null]);
      await bed().runInService(unit, saveRandom('state', 100));
      const [saved, hash] = await bed().runInService<[boolean, string]>(
        unit,
        saveRandom('state', bytes),
      );
      expect(saved).toBe(true);
      expect(await countStored(unit)).toBe(1);

      await bed().systemctl('restart', unit);
      expect(await bed().runInService(unit, loadTwice('state'))).toEqual([[hash, bytes], null]);
      expect(await countStored(unit)).toBe(0);
      await bed().systemctl('restart', unit);
      expect(await bed().runInService(unit, loadTwice('state'))).toEqual([null, null]);
    },
  );

  test('after a restart only the new process has a connection, a UDP socket and a state', async () => {
    const unit = 'store@taken';
    await startListening(unit, '/run/taken.sk');
    const client = await connectTo('/run/taken.sk');
    await exchange(client, 'hello');
    const port = await bed().runInService<number>(
      unit,
      `keep.udp = require('node:dgram').createSocket('udp4').bind(0, '127.0.0.1');
       await require('node:events').once(keep.udp, 'listening');
       fdStore.add('client', keep.sockets[0]);
       fdStore.add('udp', keep.udp);
       fdStore.save('counters', Buffer.from('hello: 1'));
       await notify.barrier();
       return keep.udp.address().port;`,
    );
    expect(await countStored(unit)).toBe(3);

    // Data that comes while no process reads waits in the kernel.
    await bed().systemctl('kill', '--signal=STOP', unit);
    client.write('during the restart');
    await sendDatagram(port, 'too');
    await bed().systemctl('restart', unit);
    const take = `
      const [net, dgram, { once }] = ['net', 'dgram', 'events'].map((name) => require('node:' + name));
      const [{ fd }] = fdStore.take('client');
      keep.socket = new net.Socket({ fd, readable: true, writable: true });
      keep.socket.on('data', (data) => keep.socket.write('second: ' + data));
      keep.udp = dgram.createSocket('udp4').bind({ fd: fdStore.take('udp')[0].fd });
      const [message] = await once(keep.udp, 'message');
      const state = fdStore.load('counters');
      await notify.barrier();
      return [String(message), keep.udp.address().port, String(Buffer.from(state))];
    `;
    const answer = once(client, 'data');
    expect(await bed().runInService(unit, take)).toEqual(['too', port, 'hello: 1']);
    expect(await answer).toEqual(['second: during the restart']);
    expect(await countStored(unit)).toBe(0);

    // The manager has no copies left, so a close in this process ends the connection.
    const end = once(client, 'end');
    await bed().runInService(unit, 'keep.socket.end(); keep.udp.close()');
    await end;
    const bindAgain = `
      keep.udp = require('node:dgram').createSocket('udp4').bind(${port}, '127.0.0.1');
      await require('node:events').once(keep.udp, 'listening');
    `;
    await bed().runInService(unit, bindAgain);
  });

  test('a connected UDP socket stays in the store although a datagram was refused', async () => {
    const unit = 'store@refused';
    await bed().systemctl('start', unit);
    const sendRefused = `
      const sockets = ['kept', 'watched'].map(() => require('node:dgram').createSocket('udp4'));
      for (const socket of sockets) {
        socket.on('error', () => undefined);
        await new Promise((done) => socket.connect(9, '127.0.0.1', done)); // nothing listens on port 9
      }
      fdStore.add('kept', sockets[0]);
      fdStore.add('watched', sockets[1], { poll: true });
      await notify.barrier();
      for (const socket of sockets) socket.send('datagram');
      // The manager sees the errors before this process takes them.
      for (const end = Date.now() + 300; Date.now() < end; );
    `;
    await bed().runInService(unit, sendRefused);
    await bed().systemctl('restart', unit);
    expect(await bed().runInService(unit, listNames)).toEqual(['kept']);
  });

  test('a stored server keeps listening: a client that connects during the restart is served', async () => {
    const unit = 'store@server';
    await startListening(unit, '/run/server.sk');
    await bed().runInService(unit, 'fdStore.add("web", keep.server); await notify.barrier()');
    await bed().systemctl('restart', unit);
    const client = await connectTo('/run/server.sk'); // no process accepts it yet
    const answer = exchange(client, 'hello');
    const listen = `
      const echo = (socket) => socket.on('data', (data) => socket.write('second: ' + data));
      return (await listen(require('node:net').createServer(echo), { name: 'web' }))[0];
    `;
    expect(await bed().runInService(unit, listen)).toEqual({
      family: 'unix',
      path: '/run/server.sk',
    });
    expect(await answer).toBe('second: hello');
  });

  test('a service without a socket unit keeps its port, and clients wait in the accept queue during the restart', async () => {
    const unit = 'store@port';
    const serveOnce = `
      const server = require('node:http').createServer((_, response) => response.end('served'));
      const fallback = { host: '127.0.0.1', port: 8765 };
      const { activated, addresses } = await serve(server, { name: 'port', fallback, exitTimeout: 100 });
      if (!activated) fdStore.add('port', server);
      await notify.barrier();
      return [activated, addresses[0].port];
    `;
    await bed().systemctl('start', unit);
    expect(await bed().runInService(unit, serveOnce)).toEqual([false, 8765]);
    await bed().systemctl('restart', unit);
    const answer = bed().evaluate(`result(await (await fetch('http://127.0.0.1:8765')).text())`);
    expect(await bed().runInService(unit, serveOnce)).toEqual([true, 8765]);
    expect(await answer).toBe('served');
    await bed().systemctl('restart', unit);
    expect(await bed().runInService(unit, serveOnce)).toEqual([true, 8765]);
    expect(await countStored(unit)).toBe(1);
  });

  test('a name with backslashes comes back unchanged, and remove() takes the same name', async () => {
    const unit = 'store@backslashes';
    await bed().systemctl('start', unit);
    const names = ['a\\b', 'x\\', '\\\\', '\'\\ "'];
    const add = `
      for (const name of ${JSON.stringify(names)}) fdStore.save(name, Buffer.from(name));
      await notify.barrier();
    `;
    await bed().runInService(unit, add);
    await bed().systemctl('restart', unit);
    const load = `
      const listed = listenFds().map(({ name }) => name).sort();
      const loaded = ${JSON.stringify(names)}.map((name) => String(Buffer.from(fdStore.load(name))));
      await notify.barrier();
      return { listed, loaded };
    `;
    expect(await bed().runInService(unit, load)).toEqual({
      listed: names.toSorted(),
      loaded: names,
    });
    expect(await countStored(unit)).toBe(0);
    await bed().runInService(unit, add);
    const remove = `
      for (const name of ${JSON.stringify(names)}) fdStore.remove(name);
      await notify.barrier();
    `;
    await bed().runInService(unit, remove);
    expect(await countStored(unit)).toBe(0);
  });

  test('a connection that is closed leaves the store, unless it was added with poll: false', async () => {
    const unit = 'store@poll';
    await startListening(unit, '/run/poll.sk');
    const polled = await connectTo('/run/poll.sk');
    await exchange(polled, 'first in');
    const kept = await connectTo('/run/poll.sk');
    await exchange(kept, 'second in');
    const add = `
      fdStore.add('polled', keep.sockets[0]);
      fdStore.add('kept', keep.sockets[1], { poll: false });
      await notify.barrier();
    `;
    await bed().runInService(unit, add);
    expect(await countStored(unit)).toBe(2);
    kept.destroy();
    polled.destroy();
    await bed().until(unit, ({ NFileDescriptorStore }) => NFileDescriptorStore < 2);
    await bed().systemctl('restart', unit);
    expect(await bed().runInService(unit, listNames)).toEqual(['kept']);
  });

  test('fdStore.limit is known from systemd 254 on, and descriptors above the limit are not kept', async () => {
    const unit = 'store@limit';
    await bed().systemctl('start', unit);
    const limit = await bed().runInService(unit, 'return fdStore.limit');
    expect(limit).toBe(VERSION >= 254 ? LIMIT : undefined);
    const add = `
      const fs = require('node:fs');
      const open = (i) => fs.openSync('/dev/shm/limit-' + i, 'w');
      const added = Array.from({ length: ${LIMIT + 2} }, (_, i) => fdStore.add('n' + i, open(i)));
      await notify.barrier();
      return added;
    `;
    expect(await bed().runInService(unit, add)).toEqual(Array(LIMIT + 2).fill(true));
    expect(await countStored(unit)).toBe(LIMIT);
  });

  test('a connection and a state survive a crash that Restart= follows', async () => {
    const unit = 'crashing';
    await startListening(unit, '/run/crashing.sk');
    const client = await connectTo('/run/crashing.sk');
    await exchange(client, 'hello');
    const store = `
      fdStore.add('client', keep.sockets[0]);
      fdStore.save('state', Buffer.from('hello: 1'));
      await notify.barrier();
    `;
    await bed().runInService(unit, store);
    await bed().systemctl('kill', '--signal=KILL', unit);
    await bed().until(unit, ({ NRestarts, SubState }) => NRestarts === 1 && SubState === 'running');
    const take = `
      const [{ fd }] = fdStore.take('client');
      keep.socket = new (require('node:net').Socket)({ fd, readable: true, writable: true });
      keep.socket.on('data', (data) => keep.socket.write('second: ' + data));
      return String(Buffer.from(fdStore.load('state')));
    `;
    expect(await bed().runInService(unit, take)).toBe('hello: 1');
    expect(await exchange(client, 'still there?')).toBe('second: still there?');
  });

  test('a service with more stored descriptors than LimitNOFILE= does not start again', async () => {
    await bed().systemctl('start', 'narrow');
    const store = `
      const fs = require('node:fs');
      for (let i = 0; i < 80; i++) {
        const fd = fs.openSync('/dev/zero');
        fdStore.add('n' + i, fd, { poll: false });
        fs.closeSync(fd);
      }
      await notify.barrier();
    `;
    await bed().runInService('narrow', store);
    expect(await countStored('narrow')).toBe(80);
    await expect(bed().systemctl('restart', 'narrow')).rejects.toThrow('narrow.service failed');
    expect((await bed().show('narrow')).ExecMainStatus).toBe(202); // EXIT_FDS of systemd.exec(5)
  });

  test('without FileDescriptorStoreMax= no descriptor is kept', async () => {
    await bed().systemctl('start', 'no-store');
    const add =
      'fdStore.add("server", 0, { poll: false }); await notify.barrier(); return fdStore.limit';
    expect(await bed().runInService('no-store', add)).toBeUndefined();
    expect(await countStored('no-store')).toBe(0);
  });
});
