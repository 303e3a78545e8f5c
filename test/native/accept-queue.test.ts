// acceptQueue() of every kind of descriptor, while clients connect and no server accepts them.
import { readFileSync } from 'node:fs';
import { acceptQueue } from 'libsystemd';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { EveryKind, type Kind, type Outcome, ownAddress } from '../support/descriptors.ts';

const every = new EveryKind();
const { folder } = every;
afterAll(() => every[Symbol.dispose]());

const most = Number(readFileSync('/proc/sys/net/core/somaxconn', 'latin1'));
/** The backlog that the launcher asks for. The kernel lowers it to its own limit. */
const usual = Math.min(4096, most);

interface Listener {
  readonly limit: number;
  /** How many clients connect and stay connected. */
  readonly clients: number;
  /** The address as `ss` prints it; left out when the text varies from run to run. */
  readonly address?: string;
}

const LISTENERS: Partial<Readonly<Record<Kind, Listener>>> = {
  tcp: { limit: usual, clients: 3, address: `${ownAddress}:8080` },
  'tcp backlog': { limit: 5, clients: 5, address: `${ownAddress}:8081` },
  tcp6: { limit: 7, clients: 2 },
  unix: { limit: usual, clients: 2, address: `${folder}/stream` },
  'unix backlog': { limit: 3, clients: 3, address: `${folder}/backlog` },
  'unix no UTF-8': { limit: usual, clients: 0 },
  'unix 108 bytes': { limit: usual, clients: 0 },
  'unix abstract': { limit: usual, clients: 1, address: `@${folder}` },
  'unix abstract bytes': { limit: usual, clients: 0 },
  'unix seqpacket': { limit: 9, clients: 4, address: `${folder}/seqpacket` },
  'tcp6 link-local': { limit: usual, clients: 0 },
};

const listeners = Object.keys(LISTENERS) as Kind[];
/** `dup` is a copy of `tcp`, so both have the same queue. */
const others = every.kinds.filter((kind) => !(kind in LISTENERS) && kind !== 'dup');

// Python, because Node has no client for seqpacket, and Node 20 none for an abstract name of an exact length. A
// connection waits in the queue even after its client has closed it.
const PYTHON = `
import socket, sys
for _ in range(int(sys.argv[1])):
    client = socket.socket(socket.AF_UNIX, getattr(socket, 'SOCK_' + sys.argv[2].upper()))
    client.connect(sys.argv[3].replace('@', '\\0'))
`;

const CONNECT_AND_INSPECT = `
  import { execFileSync } from 'node:child_process';
  import { once } from 'node:events';
  import { connect } from 'node:net';

  const clients = [];
  async function addClients(fd, count) {
    const { type, localAddress: { address, port, path, abstract } } = libsystemd.inspect(fd);
    if (address === undefined) {
      const name = path ?? '@' + abstract;
      return execFileSync('python3', ['-c', PYTHON, String(count), type, name]);
    }
    for (let i = 0; i < count; i++) {
      const client = connect(port, address);
      clients.push(client);
      await once(client, 'connect');
    }
  }
  function ss(option) {
    try {
      return execFileSync('ss', ['-Hn', option], { encoding: 'utf8', stdio: 'pipe' });
    } catch (error) {
      return error.code === 'ENOENT' ? undefined : Promise.reject(error);
    }
  }

  const ask = () => passed.map((fd) => outcome(() => libsystemd.acceptQueue(fd)));
  const before = ask();
  for (const { fd, count } of clientCounts) await addClients(fd, count);
  result({
    before,
    after: ask(),
    tcp: await ss('-lt'),
    unix: await ss('-lx'),
    closed: outcome(() => libsystemd.acceptQueue(900)),
  });
  for (const client of clients) client.destroy();
`;

interface Found {
  readonly before: readonly Outcome[];
  readonly after: readonly Outcome[];
  readonly closed: Outcome;
  /** The output of `ss`; absent on a machine without it. */
  readonly tcp?: string;
  readonly unix?: string;
}

let found: Found;

beforeAll(async () => {
  const passed = every.kinds.map((kind) => every.fd(kind));
  const clientCounts = listeners
    .map((kind) => ({ fd: every.fd(kind), count: LISTENERS[kind]!.clients }))
    .filter(({ count }) => count > 0);
  const data = Object.entries({ passed, clientCounts, PYTHON });
  const constants = data.map(([name, value]) => `const ${name} = ${JSON.stringify(value)};`);
  found = (await every.run(constants.join('\n') + CONNECT_AND_INSPECT)) as Found;
});

function skipIfLacking(kind: Kind, ctx: { skip(reason: string): never }): void {
  const reason = every.lacking.get(kind);
  if (reason !== undefined) ctx.skip(reason);
}

describe('returns the limit of the queue, and how many connections wait', () => {
  test.for(listeners)('%s', (kind, ctx) => {
    skipIfLacking(kind, ctx);
    const { limit, clients } = LISTENERS[kind]!;
    const i = every.kinds.indexOf(kind);
    expect(found.before[i]).toStrictEqual({ value: { waiting: 0, limit } });
    expect(found.after[i]).toStrictEqual({ value: { waiting: clients, limit } });
  });

  test('returns the same for two descriptors of one socket', () => {
    const [tcp, dup] = [every.kinds.indexOf('tcp'), every.kinds.indexOf('dup')];
    expect(found.after[dup]).toStrictEqual(found.after[tcp]);
  });
});

describe('returns the numbers that ss prints', () => {
  test.for(listeners.filter((kind) => LISTENERS[kind]?.address !== undefined))(
    '%s',
    (kind, ctx) => {
      const { address, limit, clients } = LISTENERS[kind]!;
      const printed = kind.startsWith('tcp') ? found.tcp : found.unix;
      if (printed === undefined) return ctx.skip('this machine has no ss');
      const lines = printed.split('\n').map((line) => line.trim().split(/\s+/));
      const fields = lines.find((line) => line.includes(address!)) ?? [];
      const [waiting, most] = fields.slice(fields.indexOf('LISTEN') + 1).map(Number);
      expect({ waiting, most }).toStrictEqual({ waiting: clients, most: limit });
    },
  );
});

describe('returns undefined for a descriptor without a queue', () => {
  test.for(others)('%s', (kind, ctx) => {
    skipIfLacking(kind, ctx);
    expect(found.after[every.kinds.indexOf(kind)]).toStrictEqual({ value: undefined });
  });
});

test('throws EBADF for a closed descriptor', () => {
  const error = { code: 'EBADF', errno: -9, syscall: 'getsockopt', fd: 900 };
  expect(found.closed).toMatchObject({ error });
  expect(() => acceptQueue(-1)).toThrow(expect.objectContaining({ ...error, fd: -1 }));
});
