// A server that is closed, or whose fallback's signal is aborted, while it begins to listen.
import { describe, expect, test } from 'vitest';
import { notActivated, run } from './run.ts';

const closed = {
  name: 'SystemdError',
  code: 'ERR_SYSTEMD_CLOSED',
  message: expect.stringMatching(/^The server was closed before it listened: by the program, or/),
};
const tcp = 'tcp:127.0.0.1:0';

/** A look-up of a host takes 50 ms here, so that a test can act before it is answered. */
const settled = `
  import dns from 'node:dns';
  dns.lookup = (host, ...rest) => setTimeout(() => rest.at(-1)(null, '127.0.0.1', 4), 50);
  const settle = async (promise, server) => {
    const error = await rejected(promise);
    await new Promise((done) => setTimeout(done, 100)); // a look-up of a host may still be under way
    const { code, message, name } = error;
    return { code, message, name, listening: server.listening ?? false };
  };
`;

describe('listen() rejects', () => {
  test.each([
    ['closed at once, activated', [tcp], 's = createServer()', '{}', 's.close()'],
    ['closed at once, on two sockets', [tcp, tcp], 's = createServer()', '{}', 's.close()'],
    ['closed at once, on a fallback', [], 's = createServer()', '{ fallback: 0 }', 's.close()'],
    [
      'closed while its host is looked up',
      [],
      's = createServer()',
      `{ fallback: { port: 0, host: 'localhost' } }`,
      's.close()',
    ],
    [
      'closed a turn later, while its host is looked up',
      [],
      's = createServer()',
      `{ fallback: { port: 0, host: 'localhost' } }`,
      'setImmediate(() => s.close())',
    ],
    [
      'with a signal that was aborted',
      [],
      's = http.createServer()',
      '{ fallback: { port: 0, signal: AbortSignal.abort() } }',
      '0',
    ],
    [
      'with a signal that is aborted while its host is looked up',
      [],
      'c = new AbortController(), s = createServer()',
      `{ fallback: { port: 0, host: 'localhost', signal: c.signal } }`,
      'c.abort()',
    ],
    [
      'of dgram, closed while its host is looked up',
      [],
      `s = createSocket('udp4')`,
      `{ fallback: { port: 0, address: 'localhost' } }`,
      's.close()',
    ],
  ])('%s', async (_what, specs, server, options, act) => {
    const source = `${settled}
      const ${server};
      const promise = listen(s, ${options});
      ${act};
      const result = await settle(promise, s);
    `;
    const how = specs.length === 0 ? notActivated : {};
    expect(await run(specs, source, how)).toEqual({ ...closed, listening: false });
  });

  test('and leaves a server alone that its program has meanwhile made listen elsewhere', async () => {
    const source = `${settled}
      const server = createServer((socket) => socket.end('elsewhere'));
      const promise = listen(server, { fallback: { port: 0, host: 'localhost' } });
      server.close();
      server.listen(0, '127.0.0.1');
      const { code, listening } = await settle(promise, server);
      const result = { code, listening, answer: await ask(server.address()) };
    `;
    const code = 'ERR_SYSTEMD_CLOSED';
    expect(await run([], source, notActivated)).toEqual({
      ...{ code, listening: true, answer: 'elsewhere' },
    });
  });
});

test.each([
  ['one socket', [tcp]],
  ['two sockets', [tcp, tcp]],
])(
  'a server on %s stays elsewhere when its listening handler has made it listen there',
  async (_what, specs) => {
    const source = `
    const server = answering('elsewhere');
    server.once('listening', () => {
      server.close();
      server.listen(0, '127.0.0.1');
    });
    const addresses = await listen(server);
    if (server.address() === null) await once(server, 'listening');
    const freed = answering('freed');
    await listen(freed);
    const result = [await ask(server.address())];
    for (const address of addresses) result.push(await ask(address));
  `;
    const freed = specs.map(() => 'freed');
    expect(await run(specs, source)).toEqual(['elsewhere', ...freed]);
  },
);

test('listen() resolves though the close event of an earlier close() comes only now', async () => {
  const source = `
    const server = answering('served');
    await listen(server);
    server.close();
    const [address] = await listen(server);
    const result = await ask(address);
  `;
  expect(await run([tcp], source)).toBe('served');
});

describe('a socket of dgram', () => {
  test.each([
    ['activated', ['udp:127.0.0.1:0'], '{}'],
    ['not activated', [], `{ fallback: { port: 0, address: '127.0.0.1' } }`],
  ])('closed in its listening handler resolves, %s', async (_what, specs, options) => {
    const source = `
      const socket = createSocket('udp4');
      socket.once('listening', () => socket.close());
      const [{ family, port }] = await listen(socket, ${options});
      const result = { family, bound: port > 0 };
    `;
    const how = specs.length === 0 ? notActivated : {};
    expect(await run(specs, source, how)).toEqual({ family: 'inet', bound: true });
  });

  test('whose listening handler throws keeps its descriptor, and listen() rejects with that error', async () => {
    const source = `
      import { openSync } from 'node:fs';
      const socket = createSocket('udp4', (message, from) => socket.send('got ' + message, from.port, from.address));
      socket.once('listening', () => { throw new Error('my own'); });
      const { message } = await rejected(listen(socket));
      const file = openSync('/dev/null');
      const { fd } = inspect(3);
      const address = socket.address();
      const result = { message, answer: await askDatagram('udp4', address, 'x') };
      await once(socket.close(), 'close');
      inspect(file);
    `;
    expect(await run(['udp:127.0.0.1:0'], source)).toEqual({ message: 'my own', answer: 'got x' });
  });
});
