import { describe, expect, test } from 'vitest';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { notActivated, run } from './run.ts';

const folder = temporaryFolder();

const tcp = 'tcp:127.0.0.1:0';
const udp = 'udp:127.0.0.1:0';
const loopback = { family: 'inet', address: '127.0.0.1', port: expect.any(Number) };

/** `attempt()` returns the numbers of the descriptors that a server got, 'fallback', or the error. */
const attempt = `
  import { fdStore } from 'libsystemd';
  const warnings = [];
  process.on('warning', ({ code, message }) => warnings.push([code, message.split(':\\n')[0]]));
  const fds = (addresses) => addresses.flatMap((address) =>
    listenFds().filter((one) => JSON.stringify(one.localAddress) === JSON.stringify(address))
      .map(({ fd }) => fd));
  const attempt = async (server, options) => {
    try {
      const addresses = await listen(server, options);
      return addresses.length === fds(addresses).length ? fds(addresses) : 'fallback';
    } catch ({ code, message }) {
      return [code, message];
    }
  };
`;

/** One server: the passed descriptors with their names, the options of the server, and the descriptors that it gets. */
interface Case {
  readonly what: string;
  readonly specs: readonly string[];
  readonly names: string;
  readonly options?: string;
  readonly server?: string;
  readonly gets: readonly number[] | 'fallback';
}

const fallback = `{ port: 0, host: '127.0.0.1' }`;

const cases: readonly Case[] = [
  { what: 'a saved state', specs: [tcp, 'sealed:x'], names: 'web:state', gets: [3] },
  { what: 'a file of OpenFile=', specs: [tcp, 'dev:/dev/null'], names: 'web:log', gets: [3] },
  { what: 'a stored connection', specs: [tcp, 'tcp-connected'], names: 'web:user', gets: [3] },
  { what: 'a stored pipe', specs: ['pipe', tcp], names: 'pipe:web', gets: [4] },
  {
    ...{ what: 'a stored connection of its name', specs: ['socketpair', tcp], names: 'web:web' },
    ...{ options: `{ name: 'web' }`, gets: [4] },
  },
  {
    ...{ what: 'a saved state of its name', specs: [tcp, 'sealed:x'], names: 'web:web' },
    ...{ options: `{ name: 'web', fallback: ${fallback} }`, gets: [3] },
  },
  {
    ...{ what: 'datagrams of its name', specs: [udp, tcp], names: 'dns:dns' },
    ...{ options: `{ name: 'dns' }`, gets: [4] },
  },
  {
    ...{ what: 'a listener of its name', specs: [tcp, udp], names: 'dns:dns' },
    ...{ server: `createSocket('udp4')`, options: `{ name: 'dns' }`, gets: [4] },
  },
  {
    ...{ what: 'nothing', specs: [tcp, tcp, tcp], names: 'web:web:web', gets: [3, 4, 5] },
  },
  {
    ...{ what: 'a socket of another name', specs: [tcp, tcp, tcp], names: 'web:admin:web' },
    ...{ options: `{ name: 'web' }`, gets: [3, 5] },
  },
  {
    ...{ what: 'a socket of another kind and name', specs: [udp, tcp], names: 'dns:web' },
    ...{ gets: [4] },
  },
];

test.each(cases)(
  'a server gets $gets of $names, where $what is passed too',
  async ({ specs, names, options = '{}', server = 'createServer()', gets }) => {
    const source = `${attempt}
      const result = { gets: await attempt(${server}, ${options}), warnings };
    `;
    expect(await run(specs, source, { names })).toEqual({ gets, warnings: [] });
  },
);

describe('a service without a socket unit uses its fallback, without a warning,', () => {
  test.each([
    ['a saved state', 'sealed:x', '{}'],
    ['a saved state, and asks for a name', 'sealed:x', `{ name: 'web' }`],
    ['a saved state of the name that it asks for', 'sealed:x', `{ name: 'stored' }`],
    ['a file', 'dev:/dev/null', '{}'],
    ['a connection', 'tcp-connected', `{ name: 'stored' }`],
  ])('when it was passed %s', async (_what, spec, options) => {
    const source = `${attempt}
      const gets = await attempt(createServer(), { ...${options}, fallback: ${fallback} });
      const result = { gets, warnings };
    `;
    const found = await run([spec], source, { names: 'stored' });
    expect(found).toEqual({ gets: 'fallback', warnings: [] });
  });

  test('but listens on the socket that the fd store has kept', async () => {
    const source = `${attempt}
      const result = await attempt(createServer(), { name: 'port', fallback: ${fallback} });
    `;
    expect(await run(['sealed:x', tcp], source, { names: 'state:port' })).toEqual([4]);
  });
});

test.each([
  ['take()', `fdStore.take('stored')`],
  ['load()', `fdStore.load('stored')`],
])('a server never gets what %s has taken, and gets the rest', async (_call, taking) => {
  const spec = taking.includes('load') ? 'sealed:x' : tcp;
  const source = `${attempt}
    ${taking};
    const again = await attempt(createServer(), { name: 'stored', fallback: ${fallback} });
    const result = [await attempt(createServer()), again];
  `;
  expect(await run([spec, tcp], source, { names: 'stored:web' })).toEqual([[4], 'fallback']);
});

test('take() and load() leave a listener alone that has the name of a stored descriptor', async () => {
  const source = `${attempt}
    const taken = fdStore.take('web').map(({ fd }) => fd);
    const loaded = String(Buffer.from(fdStore.load('api')));
    const result = [taken, loaded, await attempt(createServer(), { name: 'web' }),
      await attempt(createServer(), { name: 'api' })];
  `;
  const specs = [tcp, 'socketpair', tcp, 'sealed:state'];
  const names = 'web:web:api:api';
  expect(await run(specs, source, { names })).toEqual([[4], 'state', [3], [5]]);
});

describe('a socket of the wrong kind is an error, with a fallback and without,', () => {
  test.each([
    ['datagrams', udp, 'inet dgram socket bound to'],
    ['a seqpacket listener', 'unix-seqpacket:FOLDER/seq', 'unix seqpacket socket listening on'],
  ])('as %s for a server', async (_what, spec, called) => {
    const source = `${attempt}
      const options = { fallback: ${fallback} };
      const result = [await attempt(createServer(), options),
        await attempt(createServer(), { ...options, name: 'x' })];
    `;
    const refused = ['ERR_SYSTEMD_FD_KIND', expect.stringContaining(`fd 3 "x": ${called}`)];
    const found = await run([spec.replace('FOLDER', folder)], source, { names: 'x' });
    expect(found).toEqual([refused, refused]);
  });
});

describe('a server that asks for no name', () => {
  test('never gets a socket that another server listens on, and gets it when that has closed', async () => {
    const source = `${attempt}
      const first = answering('first');
      const result = [await attempt(first), await attempt(createServer())];
      result.push(await attempt(createServer(), { fallback: ${fallback} }));
      first.close();
      result.push(await attempt(createServer()));
    `;
    const none =
      /^No descriptor is left for this server, because other servers listen on all that were passed\./;
    expect(await run([tcp], source)).toEqual([
      [3],
      ['ERR_SYSTEMD_NOT_ACTIVATED', expect.stringMatching(none)],
      'fallback',
      [3],
    ]);
  });

  test('gets the only socket that is left', async () => {
    const source = `${attempt}
      const result = [await attempt(createServer(), { name: 'web' }), await attempt(createServer())];
    `;
    expect(await run([tcp, tcp], source, { names: 'web:admin' })).toEqual([[3], [4]]);
  });

  test('is refused where two names suit, with a list of them', async () => {
    const source = `${attempt}; const result = await attempt(createServer());`;
    const message = expect.stringMatching(
      /^Expected sockets of one name.*:\n {2}fd 3 "web": inet .*\n {2}fd 4 "admin": inet /,
    );
    const found = await run([tcp, tcp], source, { names: 'web:admin' });
    expect(found).toEqual(['ERR_SYSTEMD_FD_COUNT', message]);
  });
});

test('a server that asks for a name that was not passed uses its fallback, with a warning', async () => {
  const source = `${attempt}
    const gets = await attempt(createServer(), { name: 'metrics', fallback: ${fallback} });
    await new Promise(setImmediate);
    const result = { gets, warnings };
  `;
  const what = 'No socket named "metrics" was passed (FileDescriptorName= of the socket unit)';
  expect(await run([tcp], source, { names: 'web' })).toEqual({
    gets: 'fallback',
    warnings: [['ERR_SYSTEMD_FD_NAME', `${what}. These were passed`]],
  });
});

describe('a descriptor that the program picks', () => {
  test('is the only one that the server gets, and may be picked again', async () => {
    const source = `${attempt}
      const [, second] = listenFds('web');
      const options = { descriptor: second };
      const result = [await attempt(createServer(), options), await attempt(createServer(), options),
        await attempt(createServer())];
    `;
    expect(await run([tcp, tcp], source, { names: 'web:web' })).toEqual([[4], [4], [3]]);
  });

  test('has to suit the server and to be one that was passed, and goes without a name', async () => {
    const source = `${attempt}
      const [web, dns] = listenFds();
      const result = [
        await attempt(createServer(), { descriptor: dns, fallback: 0 }),
        await attempt(createServer(), { descriptor: inspect(1) }),
        await attempt(createServer(), { descriptor: web, name: 'web' }),
        await attempt(createServer(), { descriptor: 3 }),
      ].map(([code]) => code);
    `;
    expect(await run([tcp, udp], source, { names: 'web:dns' })).toEqual([
      'ERR_SYSTEMD_FD_KIND',
      'ERR_INVALID_ARG_VALUE',
      'ERR_INVALID_ARG_VALUE',
      'ERR_INVALID_ARG_TYPE',
    ]);
  });

  test('is undefined without activation, and the fallback is used', async () => {
    const source = `
      const descriptor = listenFds('web')[0];
      const result = await listen(createServer(), { descriptor, fallback: ${fallback} });
    `;
    expect(await run([], source, notActivated)).toEqual([loopback]);
  });
});
