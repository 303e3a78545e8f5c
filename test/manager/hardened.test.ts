// Units that allow a service little: their sockets are served, with cluster workers and without.
import { expect, test } from 'vitest';
import { type Bed, describeInBed, service } from './bed.ts';

/** All that a service of Node's does without, measured under systemd 252 and 262. */
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

/** What systemd.exec(5) recommends: a call that is not in it ends the process. */
const KILLING = ['SystemCallFilter=@system-service @pkey', 'SystemCallArchitectures=native'];

let lastPort = 9700;

interface Started {
  readonly unit: string;
  /** What clients get on each of its two sockets. */
  ask(path?: string): Promise<string[]>;
}

async function start(bed: Bed, program: string, lines: readonly string[]): Promise<Started> {
  const port = ++lastPort;
  const unit = `hardened-${port}`;
  await bed.add({
    [`${unit}.socket`]: `[Socket]\nListenStream=127.0.0.1:${port}\nListenStream=[::1]:${port}\n`,
    [`${unit}.service`]: service(program, 'TimeoutStartSec=20', ...lines),
  });
  await bed.systemctl('start', `${unit}.socket`);
  const ask = (path = '/0') =>
    bed.evaluate<string[]>(`
      const answers = [];
      for (const host of ['127.0.0.1', '[::1]']) {
        const url = 'http://' + host + ':${port}${path}';
        const answer = await fetch(url, { signal: AbortSignal.timeout(15_000) }).catch((error) => error);
        answers.push(answer.text ? await answer.text() : String(answer.cause ?? answer));
      }
      result(answers);
    `);
  return { unit: `${unit}.service`, ask };
}

const serving = (options: object) => `serve.mjs '${JSON.stringify(options)}'`;
const answered = [expect.stringMatching(/^pid \d+$/), expect.stringMatching(/^pid \d+$/)];

describeInBed('a hardened unit', [], (bed) => {
  test.each([
    ['all that is measured', HARDENED, {}],
    ['all that is measured, and workers', HARDENED, { workers: 2, reload: 'roll' }],
    ['a filter that kills', KILLING, {}],
    ['a filter that kills, and workers', KILLING, { workers: 2, reload: 'roll' }],
  ])('%s: its sockets are served, also after a reload and a restart', async (_, lines, options) => {
    const { unit, ask } = await start(bed(), serving(options), [
      ...['Type=notify', 'WatchdogSec=30', 'ExecReload=kill -HUP $MAINPID', ...lines],
    ]);
    expect(await ask()).toEqual(answered);
    await bed().systemctl('reload', unit);
    expect(await ask()).toEqual(answered);
    await bed().systemctl('restart', unit);
    expect(await ask()).toEqual(answered);
    await bed().systemctl('stop', unit);
    const { Result, ExecMainStatus } = await bed().show(unit);
    expect([Result, ExecMainStatus]).toEqual(['success', 0]);
    expect(await bed().journal(unit)).not.toMatch(/SIGSYS|status=31|Worker \d+ ended/);
  });

  test('workers of a primary that looked are served under a filter that kills', async () => {
    const { ask } = await start(bed(), 'own-cluster.mjs looks', KILLING);
    expect(await ask()).toEqual(answered);
    await ask('/die');
    expect(await ask()).toEqual(answered);
  });

  test('workers of one that only forks are told what to do, and not killed', async () => {
    const { unit } = await start(bed(), 'own-cluster.mjs', KILLING);
    await bed().systemctl('start', unit);
    await bed().until(unit, ({ ActiveState }) => ActiveState === 'inactive');
    const told = await bed().journal(unit);
    expect(told).toContain('"code":"ERR_SYSTEMD_CLUSTER"');
    expect(told).toContain('call listenFds() in the primary before cluster.fork()');
    expect(told).toContain('{"code":1,"signal":null}');
    expect(told).not.toContain('SIGSYS');
  });

  test.each([
    ['nothing is filtered', []],
    ['a filter that kills allows to look', [...KILLING, 'SystemCallFilter=pidfd_getfd']],
  ])(
    'workers of one that only forks serve where %s, and so do those that follow',
    async (_, lines) => {
      const { ask } = await start(bed(), 'own-cluster.mjs', lines);
      expect(await ask()).toEqual(answered);
      for (let i = 0; i < 3; i++) {
        await ask('/die');
        expect(await ask()).toEqual(answered);
      }
    },
  );
});
