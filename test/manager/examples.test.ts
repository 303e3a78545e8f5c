// The example folders under a real manager, exactly as they are. adapted-daemon.test.ts tests the largest one.
import { execFile } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, readlinkSync, rmSync, statSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { root } from '../support/tools.ts';
import { describeInBed, type Unit } from './bed.ts';

const folders = [
  'hello',
  'journal-echo',
  'http-on-demand',
  'compat',
  'ipc',
  'adapted-daemon',
  'frameworks',
  'sticky-chat',
  'hardened',
  'credentials',
  'journal',
  'pino',
];
const run = promisify(execFile);
const pathOf = (name: string) => join(root, 'examples', name);

describeInBed('examples under a service manager', folders.map(pathOf), (bed) => {
  /** Sends an HTTP request in the bed, a POST if it has a body. Returns the body of the response. */
  async function request(port: number, path: string, body?: string): Promise<string> {
    return await bed().evaluate(`
      import { once } from 'node:events';
      import { request } from 'node:http';
      import { text } from 'node:stream/consumers';
      const [port, path, body] = ${JSON.stringify([port, path, body])};
      const sent = request({ host: '127.0.0.1', port, path, method: body ? 'POST' : 'GET' });
      sent.end(body);
      const [response] = await once(sent, 'response');
      result(await text(response));
    `);
  }

  test('every unit file passes systemd-analyze verify', async () => {
    const units = folders.flatMap((name) => readdirSync(pathOf(name)));
    const paths = units.filter((name) => /\.(service|socket)$/.test(name));
    expect(paths.length).toBeGreaterThan(10);
    const verify = ['verify', '--man=no', ...paths.map((name) => `/run/units/${name}`)];
    // For some mistakes it prints a message and exits with 0.
    expect(await bed().run('sh', '-c', 'systemd-analyze "$@" 2>&1', 'sh', ...verify)).toBe('');
  });

  test('hello starts at the first request, and its status says where it serves', async () => {
    await bed().systemctl('start', 'hello.socket');
    expect((await bed().show('hello.service')).ActiveState).toBe('inactive');
    expect(await request(8080, '/')).toBe('Hello from systemd\n');
    const state = await bed().show('hello.service');
    expect(state).toMatchObject({ ActiveState: 'active', StatusText: 'Serving on 127.0.0.1:8080' });
    await bed().systemctl('stop', 'hello.service', 'hello.socket');
    expect((await bed().show('hello.service')).Result).toBe('success');
  });

  test('hello brings its socket along when only the service is started or enabled', async () => {
    await bed().systemctl('start', 'hello.service');
    expect((await bed().show('hello.socket')).ActiveState).toBe('active');
    const { StatusText } = await bed().show('hello.service');
    expect(StatusText).toBe('Serving on 127.0.0.1:8080');
    await bed().systemctl('stop', 'hello.service', 'hello.socket');
    await bed().systemctl('enable', '--runtime', 'hello.service');
    const enabled = bed().path('/run/systemd/system/sockets.target.wants/hello.socket');
    expect(readlinkSync(enabled)).toBe('/run/units/hello.socket');
    await bed().systemctl('disable', '--runtime', 'hello.service');
  });

  test.each([
    ['alone', ''],
    ['with cluster workers', 'Environment=WORKERS=2'],
  ])('hardened %s serves, and keeps its state over a restart', async (_how, line) => {
    const text = readFileSync(join(pathOf('hardened'), 'hardened.service'), 'utf8');
    await bed().add({ 'hardened.service': text.replace('[Service]', `[Service]\n${line}`) });
    await bed().systemctl('start', 'hardened.socket');
    const answers = [await request(8082, '/')];
    await bed().systemctl('restart', 'hardened.service');
    answers.push(await request(8082, '/'));
    const words = answers.map((answer) => /^Process (\d+) of service (\S{36})\n$/.exec(answer)!);
    const [[, firstPid, id], [, secondPid, sameId]] = words as [RegExpExecArray, RegExpExecArray];
    expect(sameId).toBe(id);
    expect(secondPid).not.toBe(firstPid);
    const { MainPID, ActiveState } = await bed().show('hardened.service');
    expect([ActiveState, secondPid === String(MainPID)]).toEqual(['active', line === '']);
    await bed().systemctl('stop', 'hardened.service', 'hardened.socket');
    expect(await bed().show('hardened.service')).toMatchObject({ Result: 'success', NRestarts: 0 });
  });

  test('journal writes a request with its fields, and a failure with its stack', async () => {
    await bed().systemctl('start', 'journal.socket');
    const paths = ['/7', '/8?a%0APRIORITY=0', '/broken'];
    const answers = [];
    for (const path of paths) answers.push(await request(8085, path));
    expect(answers).toEqual(['{"total":12}\n', 'null\n', 'It failed\n']);
    await bed().run('journalctl', '--sync');
    const output = await bed().run('journalctl', '--output=json', '--identifier=shop');
    const entries = output.trimEnd().split('\n');
    expect(entries.map((line) => JSON.parse(line))).toEqual([
      expect.objectContaining({ MESSAGE: 'GET /7', PRIORITY: '6', HTTP_STATUS: '200' }),
      expect.objectContaining({ MESSAGE: `GET ${paths[1]}`, PRIORITY: '5', CLIENT: '127.0.0.1' }),
      expect.objectContaining({
        MESSAGE: '/broken failed',
        PRIORITY: '3',
        ERROR_STACK: expect.stringMatching(
          /^Error: The database is gone\n[\s\S]*Caused by: .*RESET/,
        ),
        RELEASE: '1.4.0',
        _SYSTEMD_UNIT: 'journal.service',
      }),
    ]);
    await bed().systemctl('stop', 'journal.service', 'journal.socket');
  });

  test('pino has its levels as priorities, and nothing redacted is in the journal', async () => {
    await bed().systemctl('start', 'pino.socket');
    expect(await request(8086, '/Ada?token=secret')).toBe('Hello Ada\n');
    expect(await request(8086, '/%')).toBe('No name\n');
    await bed().systemctl('stop', 'pino.service', 'pino.socket');
    await bed().run('journalctl', '--sync');
    const output = await bed().run('journalctl', '--output=json', '-u', 'pino', '-t', 'node');
    const entries = output.trimEnd().split('\n');
    expect(output).not.toContain('secret');
    expect(entries.map((line) => JSON.parse(line))).toMatchObject([
      { MESSAGE: 'A request came', PRIORITY: '7', TOKEN: '[Redacted]', CLIENT: '127.0.0.1' },
      { MESSAGE: 'Greeted', PRIORITY: '6', GREETED: 'Ada', CLIENT: '127.0.0.1' },
      { MESSAGE: 'A request came', PRIORITY: '7' },
      { MESSAGE: 'URI malformed', PRIORITY: '3', ERROR_TYPE: 'URIError' },
      { MESSAGE: 'Stopped', PRIORITY: '6' },
    ]);
  });

  describe('credentials', () => {
    /** Makes a key and a certificate where the unit expects them. Returns the fingerprint of the certificate. */
    async function makeKey(): Promise<string> {
      const folder = bed().path('/etc/credentials');
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      const files = ['-keyout', `${folder}/tls.key`, '-out', `${folder}/tls.crt`];
      const kind = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
      await run('openssl', ['req', ...kind, '-subj', '/CN=localhost', ...files]);
      return new X509Certificate(readFileSync(`${folder}/tls.crt`)).fingerprint256;
    }

    /** Sends a request by HTTPS. Returns the response and the fingerprint of the server's certificate. */
    const visit = () =>
      bed().evaluate<[text: string, fingerprint: string]>(`
        import { once } from 'node:events';
        import { get } from 'node:https';
        import { text } from 'node:stream/consumers';
        const options = { host: '127.0.0.1', port: 8443, rejectUnauthorized: false, agent: false };
        const [response] = await once(get(options), 'response');
        const { fingerprint256 } = response.socket.getPeerCertificate();
        result([await text(response), fingerprint256]);
      `);

    test("it serves with root's key, and counts on after a restart, with a new key", async () => {
      const first = await makeKey();
      await bed().systemctl('start', 'credentials.socket');
      expect(await visit()).toEqual(['Good day, visitor 1\n', first]);
      const { MainPID } = await bed().show('credentials.service');
      expect(statSync(bed().path(`/proc/${MainPID}`)).uid).toBeGreaterThan(60_000);
      expect(statSync(bed().path('/etc/credentials/tls.key')).mode & 0o777).toBe(0o600);
      const second = await makeKey();
      await bed().systemctl('restart', 'credentials.service');
      expect(await visit()).toEqual(['Good day, visitor 2\n', second]);
      await bed().systemctl('stop', 'credentials.service', 'credentials.socket');
      const state = await bed().show('credentials.service');
      expect(state).toMatchObject({ Result: 'success', NRestarts: 0 });
    });

    test('a reload takes a new key where systemd has RefreshOnReload=', async () => {
      const first = await makeKey();
      const text = readFileSync(join(pathOf('credentials'), 'credentials.service'), 'utf8');
      const refresh = '[Service]\nRefreshOnReload=credentials';
      await bed().add({ 'credentials.service': text.replace('[Service]', refresh) });
      await bed().systemctl('start', 'credentials.socket');
      const [, before] = await visit();
      const second = await makeKey();
      await bed().systemctl('reload', 'credentials.service');
      const [, after] = await visit();
      expect([before, after]).toEqual([first, bed().version >= 262 ? second : first]);
      await bed().systemctl('stop', 'credentials.service', 'credentials.socket');
    });

    test('without its key it does not start', async () => {
      rmSync(bed().path('/etc/credentials/tls.key'));
      await expect(bed().systemctl('start', 'credentials.service')).rejects.toThrow();
      expect(await bed().journal('credentials.service')).toMatch(/status=243\/CREDENTIALS/);
      await bed().systemctl('stop', 'credentials.socket');
    });
  });

  test('journal-echo writes a received line to the journal, and ends', async () => {
    await bed().systemctl('start', 'journal-echo.socket');
    await bed().evaluate(`
      import { once } from 'node:events';
      import { connect } from 'node:net';
      const socket = connect(18080, '127.0.0.1').resume();
      socket.end('a line of mine\\n');
      await once(socket, 'close');
      result(null);
    `);
    const hasEnded = ({ NConnections }: Unit) => NConnections === 0;
    await bed().until('journal-echo.socket', hasEnded);
    expect(await bed().journal('journal-echo@*')).toMatch(
      /From 127\.0\.0\.1:\d+ to 127\.0\.0\.1:18080\nYour input is a line of mine\n/,
    );
  });

  test.each([
    ['standard input', 'http-on-demand', 9999],
    ['descriptor 3', 'http-on-demand-fd3', 9998],
  ])(
    'http-on-demand on %s starts a process for each request, and none is left',
    async (_where, unit, port) => {
      await bed().systemctl('start', `${unit}.socket`);
      const first = JSON.parse(await request(port, '/a/b', 'hello'));
      expect(first).toMatchObject({ method: 'POST', url: '/a/b', body: 'hello' });
      const second = JSON.parse(await request(port, '/'));
      expect(second).toMatchObject({ method: 'GET', url: '/', body: '' });
      expect(second.pid).not.toBe(first.pid);
      await bed().until(`${unit}.socket`, ({ NConnections }) => NConnections === 0);
      const list = ['list-units', '--plain', '--no-legend', '--state=active', `${unit}@*`];
      expect(await bed().systemctl(...list)).toBe('');
    },
  );

  test('compat serves on the inherited socket', async () => {
    await bed().systemctl('start', 'compat.socket');
    const answer = await text(connect(bed().path('/run/foobar.sk')));
    expect(answer).toBe('Hello from compat\n');
    await bed().systemctl('stop', 'compat.service', 'compat.socket');
  });

  test('compat listens by itself when no socket is passed', async () => {
    await bed().add({
      'compat-alone.service': '[Service]\nExecStart=/usr/bin/node /opt/compat/compat.mjs\n',
    });
    await bed().systemctl('start', 'compat-alone.service');
    const log = () => bed().journal('compat-alone.service');
    await expect.poll(log, { timeout: 5000 }).toContain('Listening on /run/foobar.sk');
    const socket = connect(bed().path('/run/foobar.sk'));
    const [answer] = await once(socket, 'data');
    expect(String(answer)).toBe('Hello from compat\n');
    await bed().systemctl('stop', 'compat-alone.service');
  });

  const compat = '[Service]\nExecStart=/usr/bin/node /opt/compat/compat.mjs\n';
  const socketFor = (unit: string, path: string) =>
    `[Socket]\nService=${unit}\nListenStream=${path}\n`;

  test('compat serves both sockets of one unit', async () => {
    await bed().add({
      'both.socket': '[Socket]\nListenStream=/run/one.sk\nListenStream=/run/two.sk\n',
      'both.service': compat,
    });
    await bed().systemctl('start', 'both.socket');
    const read = (path: string) => text(connect(bed().path(path)));
    const answers = await Promise.all(['/run/one.sk', '/run/two.sk'].map(read));
    expect(answers).toEqual(Array(2).fill('Hello from compat\n'));
  });

  test('compat exits with 1 when sockets of two names are passed, and lists both', async () => {
    await bed().add({
      'first.socket': socketFor('two.service', '/run/first.sk'),
      'second.socket': socketFor('two.service', '/run/second.sk'),
      'two.service': compat,
    });
    await bed().systemctl('start', 'first.socket', 'second.socket');
    await bed().systemctl('start', 'two.service');
    const state = await bed().until('two.service', ({ ActiveState }) => ActiveState === 'failed');
    expect(state).toMatchObject({ Result: 'exit-code', ExecMainStatus: 1 });
    const log = await bed().journal('two.service');
    expect(log).toMatch(/Expected sockets of one name, and 2 were passed/);
    expect(log).toMatch(/"first\.socket": .*\/run\/first\.sk/);
    expect(log).toMatch(/"second\.socket": .*\/run\/second\.sk/);
  });

  test('ipc refuses another user in one line, and that user cannot end the server', async () => {
    await bed().systemctl('start', 'ipc-server.socket');
    const nobody = ['--reuid=65534', '--regid=65534', '--clear-groups'];
    const refused = bed().run('setpriv', ...nobody, 'node', '/opt/ipc/ipc-client.mjs');
    await expect(refused).rejects.toThrow(/^\+ 'Only uid 0 is served, and you are 65534'$/m);
    const { MainPID } = await bed().show('ipc-server.service');

    // Clients that send a command and disconnect before the server can refuse them.
    const source = `
      for (let i = 0; i < 100; i++) {
        const socket = require('node:net').connect('/run/ipc.sk').on('error', () => undefined);
        socket.write('close\\n', () => socket.destroy());
      }
    `;
    await bed().systemctl('kill', '--signal=STOP', 'ipc-server.service');
    await bed().run('setpriv', ...nobody, 'node', '-e', source);
    await bed().systemctl('kill', '--signal=CONT', 'ipc-server.service');
    const refusals = async () =>
      (await bed().journal('ipc-server.service')).match(/^Refused process \d+ of uid 65534$/gm);
    await expect.poll(refusals, { timeout: 5000 }).toHaveLength(101);
    const state = { ActiveState: 'active', MainPID, StatusText: 'Waiting for numbers' };
    expect(await bed().show('ipc-server.service')).toMatchObject(state);
  });

  test('ipc: a start of the client also starts the server', async () => {
    await bed().systemctl('start', 'ipc-client.service');
    expect(await bed().journal('ipc-client.service')).toContain('All 10 numbers came back');
    await bed().until('ipc-server.service', ({ ActiveState }) => ActiveState === 'inactive');
    const echoes = (await bed().journal('ipc-server.service')).match(/^Echo \d+$/gm);
    expect(echoes).toEqual(Array.from({ length: 10 }, (_, i) => `Echo ${i + 1}`));
  });
});
