// An activated process without a server of connections loads no more modules of Node than it would without this package.
// For other services see start-up.test.ts.
import { expect, test } from 'vitest';
import { launchNode } from '../support/launch.ts';
import { startReceiver } from '../support/receiver.ts';

/**
 * Modules that need not be in both lists. The state of the process is on Node's own `process`, node:sea tells where the
 * add-on is, and node:vm compiles dist/cjs/index.js; all three take microseconds. Node itself loads the last one when it
 * imports a file.
 */
const IGNORED = ['process', 'sea', 'vm', 'string_decoder'];

/** The public modules of Node that a process has loaded after these lines. */
async function loaded(spec: string, lines: string): Promise<string[]> {
  await using receiver = await startReceiver();
  const source = `
    ${lines}
    console.log(JSON.stringify(process.moduleLoadList));
    process.exit();
  `;
  const env = { NOTIFY_SOCKET: receiver.address, WATCHDOG_USEC: '3000000' };
  const { result } = await launchNode([spec], source, { env });
  const names = (result as string[]).map(
    (entry) => /^NativeModule (?!internal)(.*)/.exec(entry)?.[1],
  );
  return names
    .filter((name) => name !== undefined && !IGNORED.includes(name))
    .toSorted() as string[];
}

const listening = `
  import { createServer } from 'node:http';
  const server = createServer();
  await new Promise((done) => server.listen({ fd: 3 }, done));
`;

const bound = `
  import { createSocket } from 'node:dgram';
  const socket = createSocket('udp4');
  await new Promise((done) => socket.bind({ fd: 3 }, done));
`;

const connected = `
  import { Socket } from 'node:net';
  new Socket({ fd: 3 }).destroy();
`;

interface Case {
  readonly what: string;
  readonly spec: string;
  /** The lines of a program that does the same by Node alone. */
  readonly plain: string;
  readonly lines: string;
}

const TCP = 'tcp:127.0.0.1:0';

const cases: readonly Case[] = [
  {
    what: 'listen() of a datagram socket loads what socket.bind({ fd }) loads',
    spec: 'udp:127.0.0.1:0',
    plain: bound,
    lines: `
      import { createSocket } from 'node:dgram';
      import { listen } from 'libsystemd';
      await listen(createSocket('udp4'));
    `,
  },
  {
    what: 'connection() loads what new net.Socket({ fd }) loads',
    spec: 'tcp-connected',
    plain: connected,
    lines: `
      import { connection } from 'libsystemd';
      connection().destroy();
    `,
  },
  {
    what: 'listenFds() loads nothing',
    spec: TCP,
    plain: '',
    lines: `
      import { listenFds } from 'libsystemd';
      listenFds();
    `,
  },
];

test.each(cases.map((one) => [one.what, one] as const))('%s', async (_what, one) => {
  const { spec, plain, lines } = one;
  expect(await loaded(spec, lines)).toEqual(await loaded(spec, plain));
});

test('Node loads node:cluster when a server listens or a socket of dgram is bound, and not before', async () => {
  expect(await loaded(TCP, listening)).toContain('cluster');
  expect(await loaded('udp:127.0.0.1:0', bound)).toContain('cluster');
  const unused = [await loaded('tcp-connected', connected), await loaded(TCP, '')];
  for (const names of unused) expect(names).not.toContain('cluster');
});
