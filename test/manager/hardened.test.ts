// Hardened units: their sockets are served, with cluster workers and without.
import { expect, test } from 'vitest';
import { type Bed, describeInBed, service } from './bed.ts';

/** All restrictions under which a Node service still works, measured under systemd 252 and 262. */
const HARDENED = [
  ...['DynamicUser=yes', 'StateDirectory=app', 'UMask=0077', 'ProtectHome=yes'],
  ...['PrivateDevices=yes', 'PrivateMounts=yes', 'PrivateUsers=yes', 'ProtectProc=invisible'],
  ...['CapabilityBoundingSet=', 'ProtectClock=yes', 'ProtectControlGroups=yes'],
  ...['ProtectHostname=yes', 'ProtectKernelLogs=yes', 'ProtectKernelModules=yes'],
  ...['ProtectKernelTunables=yes', 'LockPersonality=yes', 'RestrictNamespaces=yes'],
  ...['RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK', 'RestrictRealtime=yes'],
  ...['SystemCallArchitectures=native', 'SystemCallErrorNumber=EPERM'],
  ...['SystemCallFilter=@system-service @pkey', 'SystemCallFilter=~@privileged @resources'],
];

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

describeInBed('a hardened unit', [], (bed) => {
  test.each([
    ['all restrictions', HARDENED, {}],
    ['all restrictions, and workers', HARDENED, { workers: 2, reload: 'roll' }],
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
});
