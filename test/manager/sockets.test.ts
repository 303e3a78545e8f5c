// Sockets of every kind that a real manager opens and passes.
import { expect, test } from 'vitest';
import { describeInBed, puppet, service } from './bed.ts';

/** A socket unit for a service of another name. All ports are free, because the bed has a network namespace. */
function socketFor(service: string, ...lines: readonly string[]): string {
  return ['[Socket]', `Service=${service}.service`, ...lines, ''].join('\n');
}

/** Code for the bed with a function that connects and reads to the end. */
const CONNECT = `
  import { connect } from 'node:net';
  import { text } from 'node:stream/consumers';
  const readFrom = (port, host) => text(connect({ port, host }));
`;

/** Code for a puppet that serves its only socket. */
const SERVE = `
  const server = require('node:net').createServer((socket) => socket.end('served'));
  return { address: (await listen(server)).map(formatAddress).join(), descriptor: listenFd() };
`;

const KINDS = [
  [
    'ListenStream=127.0.0.1:7001',
    {
      family: 'inet',
      type: 'stream',
      listening: true,
      protocol: 6,
      localAddress: { family: 'inet', address: '127.0.0.1', port: 7001 },
    },
  ],
  [
    'ListenStream=[::1]:7002',
    {
      family: 'inet6',
      type: 'stream',
      listening: true,
      localAddress: { family: 'inet6', address: '::1', port: 7002, flowinfo: 0, scopeId: 0 },
    },
  ],
  [
    'ListenStream=/run/kinds.stream',
    {
      family: 'unix',
      type: 'stream',
      listening: true,
      protocol: 0,
      localAddress: { family: 'unix', path: '/run/kinds.stream' },
    },
  ],
  [
    'ListenStream=@kinds',
    {
      family: 'unix',
      type: 'stream',
      listening: true,
      localAddress: { family: 'unix', abstract: 'kinds' },
    },
  ],
  [
    'ListenDatagram=127.0.0.1:7003',
    {
      family: 'inet',
      type: 'dgram',
      listening: false,
      protocol: 17,
      localAddress: { family: 'inet', address: '127.0.0.1', port: 7003 },
    },
  ],
  [
    'ListenDatagram=/run/kinds.dgram',
    {
      family: 'unix',
      type: 'dgram',
      listening: false,
      localAddress: { family: 'unix', path: '/run/kinds.dgram' },
    },
  ],
  [
    'ListenSequentialPacket=/run/kinds.seqpacket',
    {
      family: 'unix',
      type: 'seqpacket',
      listening: true,
      localAddress: { family: 'unix', path: '/run/kinds.seqpacket' },
    },
  ],
  [
    'ListenNetlink=kobject-uevent 1',
    {
      family: 'netlink',
      type: 'raw',
      listening: false,
      protocol: 15,
      localAddress: { family: 'netlink', groups: 1 },
    },
  ],
  ['ListenFIFO=/run/kinds.fifo', { kind: 'fifo', path: '/run/kinds.fifo' }],
  ['ListenSpecial=/dev/random', { kind: 'device', path: '/dev/random' }],
  ['ListenMessageQueue=/kinds', { kind: 'mq', path: '/kinds' }],
] as const;

const STDIN = ['StandardInput=socket', 'StandardOutput=journal', 'StandardError=journal'];

const UNITS = {
  'kinds.service': puppet('Type=exec'),
  'kinds.socket': socketFor('kinds', ...KINDS.map(([line]) => line)),

  'names.service': puppet('Type=exec'),
  'web.socket': socketFor(
    'names',
    'ListenStream=127.0.0.1:7011',
    'ListenStream=[::1]:7011',
    'FileDescriptorName=web',
  ),
  'more-web.socket': socketFor('names', 'ListenStream=/run/web.sk', 'FileDescriptorName=web'),
  'unnamed.socket': socketFor('names', 'ListenStream=/run/unnamed.sk'),

  'device.service': puppet('Type=exec'),
  'device.socket': socketFor('device', 'ListenStream=0.0.0.0:7021', 'BindToDevice=lo'),

  'free.service': puppet('Type=exec'),
  'free.socket': socketFor('free', 'ListenStream=192.0.2.1:7031', 'FreeBind=yes'),
  'not-free.socket': socketFor('free', 'ListenStream=192.0.2.1:7032'),

  'scope.service': puppet('Type=exec'),
  'scope.socket': socketFor('scope', 'ListenStream=[fe80::1]:7041%%lo'),

  // Like inetd with "wait": the listener is standard input, and LISTEN_FDS is not set.
  'stdin.service': service("serve.mjs '{}'", 'Type=notify', ...STDIN),
  'stdin.socket': '[Socket]\nListenStream=127.0.0.1:7061\n',
  'stdin-workers.service': service(`serve.mjs '{"workers":2}'`, 'Type=notify', ...STDIN),
  'stdin-workers.socket': '[Socket]\nListenStream=127.0.0.1:7062\n',
  'stdin-stored.service': puppet('Type=exec', 'FileDescriptorStoreMax=1', ...STDIN),
  'stdin-stored.socket': '[Socket]\nListenStream=127.0.0.1:7063\n',

  'accept@.service': service('connection.mjs'),
  'accept.socket': '[Socket]\nListenStream=127.0.0.1:7051\nAccept=yes\n',
};

describeInBed('sockets of a service manager', [UNITS], (bed) => {
  async function start(name: string, ...sockets: readonly string[]): Promise<void> {
    await bed().systemctl('start', ...sockets.map((unit) => `${unit}.socket`));
    await bed().systemctl('start', `${name}.service`);
  }

  test('listenFds() describes every kind of socket that a unit can pass', async () => {
    await start('kinds', 'kinds');
    const expected = KINDS.map(([, descriptor], i) => {
      return { kind: 'socket', ...descriptor, fd: 3 + i, name: 'kinds.socket' };
    });
    expect(await bed().runInService('kinds', 'return listenFds()')).toMatchObject(expected);
  });

  test('listenFds(name) finds all descriptors of this name, over several units', async () => {
    await start('names', 'web', 'more-web', 'unnamed');
    const addresses =
      'listenFds("web").map(({ localAddress }) => formatAddress(localAddress)).sort()';
    const sorted = ['/run/web.sk', '127.0.0.1:7011', '[::1]:7011'];
    expect(await bed().runInService('names', `return ${addresses}`)).toEqual(sorted);
    const unnamed = await bed().runInService('names', 'return listenFd("unnamed.socket")');
    expect(unnamed).toMatchObject({ localAddress: { path: '/run/unnamed.sk' } });
    await expect(bed().runInService('names', 'return listenFd("web")')).rejects.toMatchObject({
      code: 'ERR_SYSTEMD_FD_COUNT',
      message: expect.stringContaining('one descriptor named "web", and 3 were passed'),
    });
  });

  test('a socket with BindToDevice= stays bound to its device, and is served', async () => {
    await start('device', 'device');
    const { address } = await bed().runInService<{ address: string }>('device', SERVE);
    expect(address).toBe('0.0.0.0:7021');
    expect(await bed().run('ss', '-Hltn', 'sport = 7021')).toContain('0.0.0.0%lo:7021');
    expect(await bed().evaluate(`${CONNECT} result(await readFrom(7021, '127.0.0.1'))`)).toBe(
      'served',
    );
  });

  test('a socket with FreeBind= on an address that the machine does not have is described and listened on', async () => {
    await expect(bed().systemctl('start', 'not-free.socket')).rejects.toThrow();
    await start('free', 'free');
    expect(await bed().runInService('free', SERVE)).toMatchObject({
      address: '192.0.2.1:7031',
      descriptor: { listening: true, localAddress: { address: '192.0.2.1', port: 7031 } },
    });
  });

  test('a link-local IPv6 socket has its interface as scope, and is served', async () => {
    // nodad, because otherwise bind(2) fails until the kernel has looked for duplicates.
    await bed().run('ip', 'address', 'add', 'fe80::1/64', 'dev', 'lo', 'nodad');
    await start('scope', 'scope');
    expect(await bed().runInService('scope', SERVE)).toMatchObject({
      address: '[fe80::1%1]:7041',
      descriptor: { localAddress: { family: 'inet6', address: 'fe80::1', port: 7041, scopeId: 1 } },
    });
    expect(await bed().evaluate(`${CONNECT} result(await readFrom(7041, 'fe80::1%lo'))`)).toBe(
      'served',
    );
  });

  test.each([
    ['stdin', 7061],
    ['stdin-workers', 7062],
  ])(
    'a listener on standard input (StandardInput=socket, Accept=no) is served: %s',
    async (unit, port) => {
      await bed().systemctl('start', `${unit}.socket`);
      const fetchFour = `
      const url = 'http://127.0.0.1:${port}/0';
      const answers = [];
      for (let i = 0; i < 4; i++) answers.push(await (await fetch(url)).text());
      result(answers);
    `;
      expect(await bed().evaluate(fetchFour)).toEqual(
        Array(4).fill(expect.stringMatching(/^pid \d+$/)),
      );
      // A worker serves as soon as it listens; the status comes when all workers do.
      await bed().until(`${unit}.service`, ({ StatusText }) => /open, 0 reloads$/.test(StatusText));
      await bed().systemctl('restart', `${unit}.service`);
      expect(await bed().evaluate(fetchFour)).toEqual(
        Array(4).fill(expect.stringMatching(/^pid \d+$/)),
      );
      await bed().systemctl('stop', `${unit}.service`);
      expect((await bed().show(`${unit}.service`)).Result).toBe('success');
    },
  );

  test('a listener on standard input beside a stored state is served, but not by a child that inherits it', async () => {
    const unit = 'stdin-stored.service';
    await bed().systemctl('start', 'stdin-stored.socket', unit);
    await bed().runInService(
      'stdin-stored',
      'fdStore.save("state", Buffer.from("kept")); await notify.barrier()',
    );
    await bed().systemctl('restart', unit);
    const serve = `
      const server = require('node:net').createServer((socket) => socket.end('served'));
      const addresses = await listen(server);
      const child = require('node:child_process').execFileSync(process.execPath, ['--input-type=module', '-e',
        "import { listen } from 'libsystemd'; import net from 'node:net';" +
        "console.log(await listen(net.createServer()).catch(({ code }) => code))"], { stdio: [0, 'pipe', 2] });
      return [addresses.map(formatAddress), String(child).trim()];
    `;
    expect(await bed().runInService('stdin-stored', serve)).toEqual([
      ['127.0.0.1:7063'],
      'ERR_SYSTEMD_NOT_ACTIVATED', // because standard input was passed to the parent
    ]);
    expect(await bed().evaluate(`${CONNECT} result(await readFrom(7063, '127.0.0.1'))`)).toBe(
      'served',
    );
  });

  test('with Accept=yes, each of three connections at once gets its own process', async () => {
    await bed().systemctl('start', 'accept.socket');
    const clients = await bed().evaluate<{ port: number; first: string; echo: string }[]>(`
      import { once } from 'node:events';
      import { createInterface } from 'node:readline';
      ${CONNECT}
      const open = async (i) => {
        const socket = connect(7051, '127.0.0.1');
        const lines = createInterface({ input: socket })[Symbol.asyncIterator]();
        const next = async () => (await lines.next()).value;
        return { socket, next, first: await next() };
      };
      const all = await Promise.all([0, 1, 2].map(open)); // all are connected before the first is served
      const exchange = async ({ socket, next, first }, i) => {
        const port = socket.localPort;
        socket.write('hello ' + i + '\\n');
        const echo = await next();
        socket.end();
        return { port, first, echo };
      };
      result(await Promise.all(all.map(exchange)));
    `);
    const facts = clients.map(({ first }) => JSON.parse(first));
    expect(new Set(facts.map(({ pid }) => pid)).size).toBe(3);
    for (const [i, { port, echo }] of clients.entries()) {
      expect(echo).toBe(`hello ${i}`);
      const from = `127.0.0.1:${port}`;
      expect(facts[i]).toMatchObject({ from, to: '127.0.0.1:7051', remote: from });
    }
    expect(await bed().show('accept.socket')).toMatchObject({ NAccepted: 3 });
    await bed().until('accept.socket', ({ NConnections }) => NConnections === 0);
  });
});
