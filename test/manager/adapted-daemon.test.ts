// examples/adapted-daemon under a real manager: exactly as it is, and with wrong unit files.
import { once } from 'node:events';
import { get } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, test } from 'vitest';
import { root } from '../support/tools.ts';
import { describeInBed, type Unit } from './bed.ts';

const EX_CONFIG = 78;
const WORKERS = 4;
const BACKLOG = 4096; // a new network namespace's net.core.somaxconn

const folder = join(root, 'examples/adapted-daemon');
const sockets = ['http', 'https', 'admin', 'statsd'].map((name) => `adapted-daemon-${name}.socket`);

interface Status {
  readonly workers: readonly number[];
  readonly counters: Readonly<Record<string, number>>;
  readonly listeners: readonly {
    readonly name: string;
    readonly protocol: string;
    readonly address: string;
    readonly waiting?: number;
    readonly limit?: number;
  }[];
}

describeInBed('adapted-daemon under a service manager', [folder], (bed) => {
  /** Requests /status. */
  async function readStatus(): Promise<Status> {
    const [response] = await once(
      get({ socketPath: bed().path('/run/adapted-daemon.sock'), path: '/status', agent: false }),
      'response',
    );
    return JSON.parse(await text(response));
  }

  /** The output of `systemctl status`, which exits with an error for a failed service. */
  async function systemctlStatus(): Promise<string> {
    await bed().run('journalctl', '--sync');
    const shown = bed().systemctl('status', '--full', '--lines=100', 'adapted-daemon');
    return await shown.catch(({ stdout }) => String(stdout));
  }

  describe('with its own unit files', () => {
    test('the service is active once four workers serve, and its status says so', async () => {
      const files = ['-keyout', 'tls.key', '-out', 'tls.crt'];
      const request = `req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=localhost`;
      await bed().run('mkdir', '/etc/adapted-daemon');
      await bed().run(
        'env',
        '-C',
        '/etc/adapted-daemon',
        'openssl',
        ...request.split(' '),
        ...files,
      );
      await bed().systemctl('start', 'adapted-daemon');
      const state = await bed().show('adapted-daemon');
      const StatusText = `${WORKERS} workers serve 4 listeners`;
      expect(state).toMatchObject({ ActiveState: 'active', StatusText });
    });

    test("every worker serves http and https at the units' addresses", async () => {
      const pids = await bed().evaluate<Record<string, number[]>>(`
        import { once } from 'node:events';
        import http from 'node:http';
        import https from 'node:https';
        import { text } from 'node:stream/consumers';
        const fetchPid = async ({ get }, port) => {
          const options = { host: '127.0.0.1', port, path: '/a', agent: false };
          const [response] = await once(get({ ...options, rejectUnauthorized: false }), 'response');
          const [, pid] = /^(\\d+) serves \\/a\\n$/.exec(await text(response));
          return Number(pid);
        };
        const fetchPids = (module, port) =>
          Promise.all(Array.from({ length: 100 }, () => fetchPid(module, port)));
        result({ http: await fetchPids(http, 8081), https: await fetchPids(https, 8443) });
      `);
      const workers = new Set((await readStatus()).workers);
      expect(workers.size).toBe(WORKERS);
      expect(new Set(pids.http)).toEqual(workers);
      expect(new Set(pids.https)).toEqual(workers);
    });

    test('statsd datagrams are counted', async () => {
      await bed().evaluate(`
        import { createSocket } from 'node:dgram';
        const socket = createSocket('udp4').unref();
        const send = (message) =>
          new Promise((resolve) => socket.send(message, 8125, '127.0.0.1', resolve));
        for (let i = 1; i <= 10; i++) await send('hits:' + i + '|c');
        await send('other.name:7|c');
        result(null);
      `);
      const counters = async () => (await readStatus()).counters;
      await expect.poll(counters).toEqual({ hits: 55, 'other.name': 7 });
    });

    test('/status lists the address and the accept queue of each listener', async () => {
      const queue = { waiting: 0, limit: BACKLOG };
      expect((await readStatus()).listeners).toEqual([
        { name: 'http', protocol: 'http', address: '127.0.0.1:8081', ...queue },
        { name: 'https', protocol: 'https', address: '127.0.0.1:8443', ...queue },
        { name: 'admin', protocol: 'admin', address: '/run/adapted-daemon.sock', ...queue },
        { name: 'statsd', protocol: 'statsd', address: '127.0.0.1:8125' },
      ]);
    });

    test("the sockets keep their units' backlog, as ss shows", async () => {
      const listening = (await bed().run('ss', '-Hltx')) + (await bed().run('ss', '-Hltn'));
      for (const address of ['/run/adapted-daemon.sock', '127.0.0.1:8081', '127.0.0.1:8443']) {
        const line = listening.split('\n').find((candidate) => candidate.includes(` ${address} `));
        expect(line?.trim().split(/\s+/)).toContain(String(BACKLOG));
      }
    });

    test('a killed worker is replaced, and all workers go on', async () => {
      const [victim] = (await readStatus()).workers;
      await bed().run('kill', '-KILL', String(victim));
      const others = async () => (await readStatus()).workers.filter((pid) => pid !== victim);
      await expect.poll(others).toHaveLength(WORKERS);
    });

    test('a stop lets running requests finish, and the service ends with success', async () => {
      const answer = await bed().evaluate<string>(`
        import { execFileSync } from 'node:child_process';
        import { once } from 'node:events';
        import { connect } from 'node:net';
        import { text } from 'node:stream/consumers';
        const socket = connect(8081, '127.0.0.1');
        const head = (path) => 'GET ' + path + ' HTTP/1.1\\r\\nHost: localhost\\r\\n';
        socket.write(head('/first') + '\\r\\n');
        await once(socket, 'data'); // a worker has the connection
        socket.write(head('/second'));
        execFileSync('systemctl', ['stop', '--no-block', 'adapted-daemon']);
        const state = () => execFileSync('systemctl', ['show', '--property=SubState', 'adapted-daemon']);
        while (!String(state()).includes('stop-sigterm'));
        socket.write('Connection: close\\r\\n\\r\\n');
        result(await text(socket));
      `);
      expect(answer).toMatch(/^\d+ serves \/second$/m);
      const ended = await bed().until('adapted-daemon', ({ MainPID }) => MainPID === 0);
      expect(ended).toMatchObject({ ActiveState: 'inactive', Result: 'success' });
      expect(ended.ExecMainStatus).toBe(0);
      await bed().systemctl('stop', ...sockets);
    });
  });

  test('the start fails when a worker cannot serve, and systemctl status says why', async () => {
    await bed().run('mv', '/etc/adapted-daemon/tls.key', '/etc/adapted-daemon/tls.old');
    await expect(bed().systemctl('start', 'adapted-daemon')).rejects.toThrow();
    const shown = await systemctlStatus();
    expect(shown).toContain(
      "ENOENT: no such file or directory, open '/etc/adapted-daemon/tls.key'",
    );
    expect(await bed().show('adapted-daemon')).toMatchObject({ Result: 'exit-code' });
    await bed().run('mv', '/etc/adapted-daemon/tls.old', '/etc/adapted-daemon/tls.key');
    await bed().systemctl('stop', ...sockets);
    await bed().systemctl('reset-failed');
  });

  describe('with wrong unit files', () => {
    const unit = (name: string, ...lines: readonly string[]) => ({
      [`adapted-daemon-${name}.socket`]: `[Socket]\nService=adapted-daemon.service\n${lines.join('\n')}\n`,
    });

    test.each([
      [
        'the types of http and statsd are swapped',
        {
          ...unit('http', 'FileDescriptorName=http', 'ListenDatagram=127.0.0.1:8081'),
          ...unit('statsd', 'FileDescriptorName=statsd', 'ListenStream=127.0.0.1:8125'),
        },
        [
          'Listener "http" speaks http, which needs ListenStream= with a port, and its socket is: inet dgram socket 127.0.0.1:8081',
          'Listener "statsd" speaks statsd, which needs ListenDatagram= with a port, and its socket is: inet stream socket 127.0.0.1:8125',
        ],
      ],
      [
        'admin is on a port',
        unit('admin', 'FileDescriptorName=admin', 'ListenStream=127.0.0.1:8082'),
        [
          'Listener "admin" speaks admin, which needs ListenStream= with a path, and its socket is: inet stream socket 127.0.0.1:8082',
        ],
      ],
      [
        'a name is missing',
        unit('https', 'ListenStream=127.0.0.1:8443'),
        [
          'Listener "https" has no socket: a socket unit needs FileDescriptorName=https and ListenStream= with a port',
          'Socket "adapted-daemon-https.socket" (inet stream socket 127.0.0.1:8443) is not in the configuration',
        ],
      ],
      [
        'a listener has two sockets',
        unit(
          'https',
          ...['FileDescriptorName=https', 'ListenStream=127.0.0.1:8443', 'ListenStream=[::1]:8443'],
        ),
        ['Listener "https" has 2 sockets, and needs one'],
      ],
      [
        'a socket is not in the configuration',
        unit('extra', ...['FileDescriptorName=metrics', 'ListenStream=127.0.0.1:9090']),
        ['Socket "metrics" (inet stream socket 127.0.0.1:9090) is not in the configuration'],
      ],
    ])(
      '%s: the exit status is 78, and systemctl status says what to change',
      async (_mistake, units, sentences) => {
        await bed().add(folder, units);
        const all = [...new Set([...sockets, ...Object.keys(units)])];
        await bed().systemctl('start', ...all);
        await expect(bed().systemctl('start', 'adapted-daemon')).rejects.toThrow();
        const isFailed = ({ ActiveState }: Unit) => ActiveState === 'failed';
        const state = await bed().until('adapted-daemon', isFailed);
        expect(state).toMatchObject({ Result: 'exit-code', ExecMainStatus: EX_CONFIG });
        const shown = await systemctlStatus();
        expect(shown).toContain('status=78/CONFIG');
        for (const sentence of sentences) expect(shown).toContain(`: ${sentence}\n`);
        await bed().systemctl('stop', ...all);
        await bed().systemctl('reset-failed');
      },
    );
  });
});
