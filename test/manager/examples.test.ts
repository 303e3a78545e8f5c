// The example folders, started by a real manager exactly as they are.
import { once } from 'node:events';
import { get, request } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { root } from '../support/tools.ts';
import { Bed, whyNoBed } from './bed.ts';

const reason = whyNoBed();
const why = reason === undefined ? '' : ` (skipped: ${reason})`;
const example = (name: string) => join(root, 'examples', name);

/** What a peer sends until it ends the connection. */
async function converse(to: number | string, send: string): Promise<string> {
  const socket = typeof to === 'number' ? connect(to, '127.0.0.1') : connect(to);
  socket.end(send);
  return await text(socket);
}

async function fetchText(port: number, path: string, body: string): Promise<string> {
  const asked = request({ port, path, method: 'POST', agent: false });
  asked.end(body);
  const [response] = await once(asked, 'response');
  return await text(response);
}

describe.skipIf(reason)(`examples under a service manager${why}`, () => {
  let bed: Bed;
  beforeAll(async () => {
    const folders = ['hello', 'journal-echo', 'http-on-demand', 'compat', 'ipc'];
    bed = await Bed.start(...folders.map(example));
  });
  afterAll(() => bed?.stop());

  test('hello starts at the first request and says that it serves', async () => {
    await bed.systemctl('start', 'hello.socket');
    expect((await bed.show('hello.service')).ActiveState).toBe('inactive');
    const [response] = await once(get('http://127.0.0.1:8080'), 'response');
    expect(await text(response)).toBe('Hello from systemd\n');
    const state = await bed.show('hello.service');
    expect(state).toMatchObject({ ActiveState: 'active', StatusText: 'Serving' });
    await bed.systemctl('stop', 'hello.service', 'hello.socket');
    expect((await bed.show('hello.service')).Result).toBe('success');
  });

  test('journal-echo writes the line to the journal and ends', async () => {
    await bed.systemctl('start', 'journal-echo.socket');
    await converse(18080, 'a line of mine\n');
    await expect
      .poll(() => bed.journal('journal-echo@*'), { timeout: 5000 })
      .toMatch(/From 127\.0\.0\.1:\d+ to 127\.0\.0\.1:18080\nYour input is a line of mine\n/);
  });

  test.each([
    ['standard input', 'http-on-demand', 9999],
    ['descriptor 3', 'http-on-demand-fd3', 9998],
  ])(
    'http-on-demand answers on %s, a process a request, and none is left',
    async (_what, unit, port) => {
      await bed.systemctl('start', `${unit}.socket`);
      const first = JSON.parse(await fetchText(port, '/a/b', 'hello'));
      expect(first).toMatchObject({ method: 'POST', url: '/a/b', body: 'hello' });
      const second = JSON.parse(await fetchText(port, '/', ''));
      expect(second.pid).not.toBe(first.pid);
      await expect
        .poll(() =>
          bed.systemctl('list-units', '--plain', '--no-legend', '--state=active', `${unit}@*`),
        )
        .toBe('');
    },
  );

  test('compat serves on the inherited socket', async () => {
    await bed.systemctl('start', 'compat.socket');
    const answer = await bed.run(
      'node',
      '-e',
      "require('net').connect('/run/foobar.sk').pipe(process.stdout)",
    );
    expect(answer).toBe('Hello from compat\n');
    await bed.systemctl('stop', 'compat.service', 'compat.socket');
  });

  test('compat makes its own socket without one', async () => {
    await bed.add({
      'compat-alone.service': '[Service]\nExecStart=/usr/bin/node /opt/compat/compat.mjs\n',
    });
    await bed.systemctl('start', 'compat-alone.service');
    await expect
      .poll(() => bed.journal('compat-alone.service'))
      .toContain('Listening on /run/foobar.sk');
    await bed.systemctl('stop', 'compat-alone.service');
  });

  test('compat ends with exit code 1 when two sockets come, and lists both', async () => {
    await bed.add({
      'two.socket': '[Socket]\nListenStream=/run/one.sk\nListenStream=/run/two.sk\n',
      'two.service': '[Service]\nExecStart=/usr/bin/node /opt/compat/compat.mjs\n',
    });
    await bed.systemctl('start', 'two.socket');
    await bed.systemctl('start', 'two.service');
    const state = await bed.until('two.service', ({ ActiveState }) => ActiveState === 'failed');
    expect(state).toMatchObject({ Result: 'exit-code', ExecMainStatus: 1 });
    expect(await bed.journal('two.service')).toMatch(
      /Expected one descriptor, and 2 were passed.*\n.*\/run\/one\.sk\n.*\/run\/two\.sk/,
    );
  });

  test('ipc: starting the client alone starts everything', async () => {
    await bed.systemctl('start', 'ipc-client.service');
    expect(await bed.journal('ipc-client.service')).toContain('All 10 numbers came back');
    await bed.until('ipc-server.service', ({ ActiveState }) => ActiveState === 'inactive');
    const echoes = (await bed.journal('ipc-server.service')).match(/^Echo \d+$/gm);
    expect(echoes).toEqual(Array.from({ length: 10 }, (_, i) => `Echo ${i + 1}`));
  });
});
