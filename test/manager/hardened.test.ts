// Hardened units: their sockets are served, with cluster workers and without.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { root } from '../support/tools.ts';
import { type Bed, describeInBed, service } from './bed.ts';

const EXAMPLE = join(root, 'examples/hardened');

/** The restrictions of the example: all under which a Node service works, measured under systemd 252 and 262. */
const HARDENED = readFileSync(join(EXAMPLE, 'hardened.service'), 'utf8')
  .split('\n')
  .filter((line) => !/^(\[|$|(Requires|Type|ExecStart|WatchdogSec|Restart|Also)=)/.test(line));

/** The filter that systemd.exec(5) recommends. Any other system call ends the process. */
const KILLING = ['SystemCallFilter=@system-service @pkey', 'SystemCallArchitectures=native'];

let lastPort = 9700;

interface Started {
  readonly unit: string;
  /** Sends a request to each of the two sockets, one after the other. Returns the responses or errors. */
  request(path?: string): Promise<string[]>;
}

async function start(bed: Bed, program: string, lines: readonly string[]): Promise<Started> {
  const port = ++lastPort;
  const unit = `hardened-${port}`;
  await bed.add({
    [`${unit}.socket`]: `[Socket]\nListenStream=127.0.0.1:${port}\nListenStream=[::1]:${port}\n`,
    [`${unit}.service`]: service(program, 'TimeoutStartSec=20', ...lines),
  });
  await bed.systemctl('start', `${unit}.socket`);
  const request = (path = '/0') =>
    bed.evaluate<string[]>(`
      const answers = [];
      for (const host of ['127.0.0.1', '[::1]']) {
        const url = 'http://' + host + ':${port}${path}';
        const answer = await fetch(url, { signal: AbortSignal.timeout(15_000) }).catch((error) => error);
        answers.push(answer.text ? await answer.text() : String(answer.cause ?? answer));
      }
      result(answers);
    `);
  return { unit: `${unit}.service`, request };
}

const serveWith = (options: object) => `serve.mjs '${JSON.stringify(options)}'`;
const RESPONSES = [expect.stringMatching(/^pid \d+$/), expect.stringMatching(/^pid \d+$/)];

/** A network without any way out, on which an inherited socket still serves. */
const ISOLATED = [
  ...HARDENED.filter((line) => !line.startsWith('RestrictAddressFamilies=')),
  ...['PrivateNetwork=yes', 'IPAddressDeny=any', 'RestrictAddressFamilies=AF_UNIX'],
];

/** A user of the machine in place of one that systemd makes. */
const OWN_USER = HARDENED.map((line) => (line === 'DynamicUser=yes' ? 'User=www-data' : line));

/** What DynamicUser= implies. */
const IMPLIED = ['NoNewPrivileges', 'PrivateTmp', 'RemoveIPC', 'RestrictSUIDSGID']
  .map((name) => `${name}=yes`)
  .concat('ProtectSystem=strict');

describeInBed('a hardened unit', [], (bed) => {
  test.each([
    ['of the example', HARDENED, '1.1 OK'],
    ['with its own user', OWN_USER, '1.8 OK'],
    ['with its own user and more', [...OWN_USER, ...IMPLIED], '1.1 OK'],
    ['without a network', ISOLATED, '0.2 SAFE'],
  ])(
    '%s: systemd-analyze security gives it the score that the page says',
    async (name, lines, score) => {
      const unit = `score-${name.replaceAll(' ', '-')}.service`;
      await bed().add({ [unit]: service('serve.mjs', 'Type=notify', ...lines) });
      const analyze = ['security', '--offline=yes', '--no-pager', `/run/units/${unit}`];
      const printed = await bed().run('systemd-analyze', ...analyze);
      expect(printed).toContain(`Overall exposure level for ${unit}: ${score}`);
    },
  );

  test.each([
    ['all restrictions', HARDENED, {}],
    ['all restrictions, and workers', HARDENED, { workers: 2, reload: 'roll' }],
    ['no network', ISOLATED, {}],
    ['a filter that kills', KILLING, {}],
    ['a filter that kills, and workers', KILLING, { workers: 2, reload: 'roll' }],
  ])(
    'with %s: the sockets are served, also after a reload and a restart',
    async (_unit, lines, options) => {
      const { unit, request } = await start(bed(), serveWith(options), [
        ...['Type=notify', 'WatchdogSec=30', 'ExecReload=kill -HUP $MAINPID', ...lines],
      ]);
      expect(await request()).toEqual(RESPONSES);
      await bed().systemctl('reload', unit);
      expect(await request()).toEqual(RESPONSES);
      await bed().systemctl('restart', unit);
      expect(await request()).toEqual(RESPONSES);
      await bed().systemctl('stop', unit);
      const { Result, ExecMainStatus } = await bed().show(unit);
      expect([Result, ExecMainStatus]).toEqual(['success', 0]);
      expect(await bed().journal(unit)).not.toMatch(/SIGSYS|status=31|Worker \d+ ended/);
    },
  );

  test.each([
    ['MemoryDenyWriteExecute=yes', /status=(5\/TRAP|11\/SEGV|6\/ABRT)/],
    ['ProtectHome=yes and node in a home folder', /status=203\/EXEC/],
  ])('with %s the service does not start', async (name, reason) => {
    await bed().run('mkdir', '-p', '/run/user/0');
    await bed().run('ln', '-sf', '/usr/bin/node', '/run/user/0/node');
    const isHome = name.startsWith('ProtectHome');
    const text = service('serve.mjs', 'Type=notify', name.split(' ')[0]!);
    const unit = isHome ? 'in-home.service' : 'no-jit.service';
    // ProtectHome= hides /run/user as it does /home and /root, which are read-only in the bed.
    const start = isHome ? text.replace('/usr/bin/node', '/run/user/0/node') : text;
    await bed().add({ [unit]: start });
    await expect(bed().systemctl('start', unit)).rejects.toThrow();
    expect(await bed().journal(unit)).toMatch(reason);
  });

  test('with ProtectHome=tmpfs and BindReadOnlyPaths= a node in a home folder serves', async () => {
    const lines = ['ProtectHome=tmpfs', 'BindReadOnlyPaths=/usr/bin/node:/run/user/0/bin/node'];
    const text = service(
      serveWith({ fallback: { path: '/run/home.sk' } }),
      'Type=notify',
      ...lines,
    );
    const inHome = text.replace('/usr/bin/node ', '/run/user/0/bin/node ');
    await bed().add({ 'bound-home.service': inHome });
    await bed().systemctl('start', 'bound-home.service');
    expect((await bed().show('bound-home.service')).ActiveState).toBe('active');
    await bed().systemctl('stop', 'bound-home.service');
  });

  test('without AF_UNIX the service cannot notify, and ends with an error that says what to add', async () => {
    const families = 'RestrictAddressFamilies=AF_INET AF_INET6';
    const { unit } = await start(bed(), serveWith({}), [
      ...['Type=notify', 'TimeoutStartSec=3', families],
    ]);
    await expect(bed().systemctl('start', unit)).rejects.toThrow();
    expect(await bed().journal(unit)).toContain(
      "add AF_UNIX to the unit's RestrictAddressFamilies=",
    );
  });

  test('under a filter that kills, workers are served if their primary has called listenFds()', async () => {
    const { request } = await start(bed(), 'own-cluster.mjs listenFds', KILLING);
    expect(await request()).toEqual(RESPONSES);
    await request('/die');
    expect(await request()).toEqual(RESPONSES);
  });

  test('under a filter that kills, workers of a primary that only forks get an error that says what to do', async () => {
    const { unit } = await start(bed(), 'own-cluster.mjs', KILLING);
    await bed().systemctl('start', unit);
    await bed().until(unit, ({ ActiveState }) => ActiveState === 'inactive');
    const log = await bed().journal(unit);
    expect(log).toContain('"code":"ERR_SYSTEMD_CLUSTER"');
    expect(log).toContain('call listenFds() in the primary before cluster.fork()');
    expect(log).toContain('{"code":1,"signal":null}');
    expect(log).not.toContain('SIGSYS');
  });

  test.each([
    ['without a filter', []],
    [
      'under a filter that kills and allows pidfd_getfd',
      [...KILLING, 'SystemCallFilter=pidfd_getfd'],
    ],
  ])(
    '%s, workers of a primary that only forks serve, and so do their successors',
    async (_filter, lines) => {
      const { request } = await start(bed(), 'own-cluster.mjs', lines);
      expect(await request()).toEqual(RESPONSES);
      for (let i = 0; i < 3; i++) {
        await request('/die');
        expect(await request()).toEqual(RESPONSES);
      }
    },
  );

  const datagrams = async (name: string, lines: readonly string[]) => {
    const path = `/run/${name}.sk`;
    await bed().add({
      [`${name}.socket`]: `[Socket]\nListenDatagram=${path}\n`,
      [`${name}.service`]: service(
        `datagrams.mjs '{"workers":2}'`,
        ...['Type=notify', 'TimeoutStartSec=20', ...lines],
      ),
    });
    await bed().systemctl('start', `${name}.socket`);
    const start = bed().systemctl('start', `${name}.service`);
    return { start, unit: `${name}.service`, path };
  };

  test.each([
    ['kills', KILLING, 'SystemCallFilter= ends a process that calls pidfd_getfd(2)'],
    ['refuses', HARDENED, 'EPERM: operation not permitted, pidfd_getfd'],
  ])(
    'under a filter that %s, workers of a Unix socket of messages say what to add',
    async (what, lines, reason) => {
      const { start, unit } = await datagrams(`datagrams-${what}`, lines);
      await expect(start).rejects.toThrow();
      const log = await bed().journal(unit);
      expect(log).toContain(reason);
      expect(log).toContain('(SystemCallFilter=pidfd_getfd in the unit), or serve without workers');
      expect(log).not.toContain('SIGSYS');
      await bed().systemctl('stop', unit.replace('.service', '.socket'));
    },
  );

  test.each([
    ['kills', KILLING],
    ['refuses', HARDENED],
  ])(
    'under a filter that %s and allows pidfd_getfd, workers of a Unix socket of messages answer',
    async (what, lines) => {
      const allowed = [...lines, 'SystemCallFilter=pidfd_getfd'];
      const { start, unit, path } = await datagrams(`datagrams-allowed-${what}`, allowed);
      await start;
      const client = [
        'import os, socket',
        's = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)',
        `s.bind('${path}.client')`,
        `os.chmod('${path}.client', 0o666)`,
        `s.sendto(b'who', '${path}')`,
        'print(s.recv(100).decode())',
      ];
      const answer = await bed().run('python3', '-c', client.join('\n'));
      expect(answer).toMatch(/^pid \d+/);
      await bed().systemctl('stop', unit, unit.replace('.service', '.socket'));
    },
  );
});
