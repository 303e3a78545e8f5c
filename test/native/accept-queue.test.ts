// acceptQueue() of every kind of descriptor, with clients that nobody accepts.
import { readFileSync } from 'node:fs';
import { acceptQueue } from 'libsystemd';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { EveryKind, type Kind, type Outcome, ownAddress } from '../support/descriptors.ts';

const every = new EveryKind();
const { folder } = every;
afterAll(() => every[Symbol.dispose]());

const most = Number(readFileSync('/proc/sys/net/core/somaxconn', 'latin1'));
/** The launcher's own backlog, which the kernel caps. */
const usual = Math.min(4096, most);

interface Listener {
  readonly limit: number;
  /** How many clients connect, and stay. */
  readonly clients: number;
  /** How `ss` writes the address; left out where it depends on more than that. */
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
/** The dup is one of tcp, and so is its queue. */
const others = every.kinds.filter((kind) => !(kind in LISTENERS) && kind !== 'dup');

// Node has no client for seqpacket, and Node 20 none for an abstract name of an exact length. What
// has connected waits even if it has closed.
const PYTHON = `
import socket, sys
for _ in range(int(sys.argv[1])):
    client = socket.socket(socket.AF_UNIX, getattr(socket, 'SOCK_' + sys.argv[2].upper()))
    client.connect(sys.argv[3].replace('@', '\\0'))
`;

const CONNECT_AND_LOOK = `
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
  for (const { fd, count } of wanted) await addClients(fd, count);
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
  /** What `ss` prints, where there is one. */
  readonly tcp?: string;
  readonly unix?: string;
}

let found: Found;

beforeAll(async () => {
  const passed = every.kinds.map((kind) => every.fd(kind));
  const wanted = listeners
    .map((kind) => ({ fd: every.fd(kind), count: LISTENERS[kind]!.clients }))
    .filter(({ count }) => count > 0);
  const data = Object.entries({ passed, wanted, PYTHON });
  const constants = data.map(([name, value]) => `const ${name} = ${JSON.stringify(value)};`);
  found = (await every.run(constants.join('\n') + CONNECT_AND_LOOK)) as Found;
});

function skipIfLacking(kind: Kind, ctx: { skip(reason: string): never }): void {
  const reason = every.lacking.get(kind);
  if (reason !== undefined) ctx.skip(reason);
}

describe('says how many may wait, and how many do', () => {
  test.for(listeners)('%s', (kind, ctx) => {
    skipIfLacking(kind, ctx);
    const { limit, clients } = LISTENERS[kind]!;
    const i = every.kinds.indexOf(kind);
    expect(found.before[i]).toStrictEqual({ value: { waiting: 0, limit } });
    expect(found.after[i]).toStrictEqual({ value: { waiting: clients, limit } });
  });

  test('of one queue by every descriptor of it', () => {
    const [tcp, dup] = [every.kinds.indexOf('tcp'), every.kinds.indexOf('dup')];
    expect(found.after[dup]).toStrictEqual(found.after[tcp]);
  });
});

describe('agrees with ss', () => {
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

describe('is undefined where there is no such queue', () => {
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
