// diagnose() and `npx libsystemd doctor` about units of a real manager: each has exactly one fault.
import { writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, expect, test } from 'vitest';
import type { Diagnosis } from '../../lib/doctor.ts';
import { type Bed, describeInBed, puppet, service } from './bed.ts';

interface Fault {
  /** What the unit has, and the name of its test. */
  readonly what: string;
  /** The whole text of the service; `extra` is appended to a sound one. */
  readonly service?: string;
  readonly extra?: readonly string[];
  readonly socket?: readonly string[];
  /** The codes of the findings that are bad. */
  readonly codes: readonly string[];
  /** A part of the first message, and a line to add. */
  readonly message: string;
  readonly line?: string;
  readonly level?: 'bad' | 'advice';
  /** A start of the service fails: the finding tells the truth. */
  readonly fails?: true;
}

let lastPort = 9600;

const SOUND = ['Type=notify', 'WatchdogSec=20', 'Restart=on-failure', 'FileDescriptorStoreMax=4'];

const sound = (name: string, extra: readonly string[] = []): string =>
  `[Unit]\nRequires=${name}.socket\n${service('serve.mjs', ...SOUND, ...extra)}`;

const soundSocket = (extra: readonly string[] = []): string =>
  ['[Socket]', `ListenStream=127.0.0.1:${++lastPort}`, ...extra, ''].join('\n');

const command = (line: string): string =>
  `[Unit]\nRequires=NAME.socket\n[Service]\nExecStart=${line}\n${SOUND.join('\n')}\n`;

const FAULTS: readonly Fault[] = [
  {
    what: 'no Type=',
    service: service('serve.mjs', 'WatchdogSec=20'),
    codes: ['type', 'requires'],
    message: 'Type=simple',
    line: 'Type=notify',
  },
  {
    what: 'Type=exec',
    extra: ['Type=exec'],
    codes: ['type'],
    message: 'Type=exec: systemd does not wait',
    line: 'Type=notify',
  },
  {
    what: 'no NotifyAccess=',
    service: `[Unit]\nRequires=NAME.socket\n${service('serve.mjs', 'Type=exec')}`,
    codes: ['type', 'notify-access'],
    message: 'NotifyAccess=none',
    line: 'NotifyAccess=main',
  },
  {
    what: 'npm in between',
    service: command('/usr/bin/npm start'),
    codes: ['notify-access', 'between'],
    message: 'npm stands between',
    line: 'NotifyAccess=all',
  },
  {
    what: 'a shell in between',
    service: command("/bin/sh -c 'node server.mjs'"),
    codes: ['notify-access', 'between'],
    message: 'sh stands between',
  },
  {
    what: 'npm, and all may notify',
    service: `${command('/usr/bin/npm start')}NotifyAccess=all\n`,
    codes: ['between'],
    message: 'npm stands between',
  },
  {
    what: 'a program that is not there',
    service: command('/opt/no/such/node server.mjs'),
    codes: ['program', 'verify'],
    message: '203/EXEC',
  },
  {
    what: 'a program that is a folder',
    service: command('/usr/lib server.mjs'),
    codes: ['program', 'verify'],
    message: '203/EXEC',
    fails: true,
  },
  {
    what: 'an unknown setting',
    extra: ['WatchdogSecs=3'],
    codes: ['load'],
    message: 'WatchdogSecs=3: systemd has no such setting',
  },
  {
    what: 'no ExecStart=',
    service: '[Service]\nType=notify\n',
    codes: ['load', 'state'],
    message: 'has no ExecStart=',
  },
  {
    what: 'KillSignal=SIGKILL',
    extra: ['KillSignal=SIGKILL'],
    codes: ['stop'],
    message: 'KillSignal=SIGKILL',
    line: 'KillSignal=SIGTERM',
  },
  {
    what: 'sockets that share a name',
    socket: ['ListenStream=127.0.0.1:1'],
    codes: ['sockets'],
    message: "can't tell them apart",
    line: 'FileDescriptorName=http',
  },
  {
    what: 'no Requires=',
    service: service('serve.mjs', ...SOUND),
    codes: ['requires'],
    message: 'does not open NAME.socket',
    line: 'Requires=NAME.socket',
  },
  {
    what: 'a small backlog',
    socket: ['Backlog=5'],
    codes: ['backlog'],
    message: 'Backlog=5',
    line: 'Backlog=4096',
  },
  {
    what: 'a backlog beyond the kernel’s',
    socket: ['Backlog=1000000000'],
    codes: ['backlog'],
    message: 'more than the kernel allows',
    line: 'sysctl net.core.somaxconn=1000000000',
  },
  {
    what: 'a small trigger limit',
    socket: ['TriggerLimitBurst=2'],
    codes: ['trigger-limit'],
    message: 'after 2 starts in 2 s',
    line: 'TriggerLimitBurst=20',
  },
  {
    what: 'MemoryDenyWriteExecute=',
    extra: ['MemoryDenyWriteExecute=yes'],
    codes: ['hardening'],
    message: 'MemoryDenyWriteExecute=yes ends Node',
    line: 'MemoryDenyWriteExecute=no',
  },
  {
    what: 'a filter without @pkey',
    extra: ['SystemCallFilter=@system-service'],
    codes: ['hardening'],
    message: 'without @pkey kills Node 20',
    line: 'SystemCallFilter=@pkey',
  },
  {
    what: 'a filter that kills at @privileged',
    extra: ['SystemCallFilter=~@privileged'],
    codes: ['hardening'],
    message: 'fs.copyFile()',
    line: 'SystemCallErrorNumber=EPERM',
  },
  {
    what: 'no AF_UNIX',
    extra: ['RestrictAddressFamilies=AF_INET AF_INET6 AF_NETLINK'],
    codes: ['hardening'],
    message: 'without AF_UNIX',
    line: 'RestrictAddressFamilies=AF_UNIX',
  },
  {
    what: 'no AF_NETLINK',
    extra: ['RestrictAddressFamilies=AF_UNIX AF_INET'],
    codes: [],
    level: 'advice',
    message: 'without AF_NETLINK',
    line: 'RestrictAddressFamilies=AF_NETLINK',
  },
  {
    what: 'NoExecPaths=/',
    extra: ['NoExecPaths=/'],
    codes: ['hardening'],
    message: 'NoExecPaths=/ without ExecPaths=',
  },
  {
    what: 'ProcSubset=pid',
    extra: ['ProcSubset=pid'],
    codes: [],
    level: 'advice',
    message: 'os.cpus() is empty',
    line: 'ProcSubset=all',
  },
  {
    what: 'ProtectSystem=strict without /tmp',
    extra: ['ProtectSystem=strict'],
    codes: [],
    level: 'advice',
    message: '/tmp is read-only',
    line: 'PrivateTmp=yes',
  },
  {
    what: 'no WatchdogSec=',
    extra: ['WatchdogSec=0'],
    codes: [],
    level: 'advice',
    message: 'WatchdogSec= is not set',
    line: 'WatchdogSec=30',
  },
  {
    what: 'no Restart=',
    extra: ['Restart=no'],
    codes: [],
    level: 'advice',
    message: 'Restart=no',
    line: 'Restart=on-failure',
  },
  {
    what: 'no fd store',
    extra: ['FileDescriptorStoreMax=0'],
    codes: [],
    level: 'advice',
    message: 'fdStore keeps nothing',
    line: 'FileDescriptorStoreMax=16',
  },
  {
    what: 'Requires= of a unit that is not there',
    service: `[Unit]\nRequires=no-such.service\n${service('serve.mjs', ...SOUND, 'Sockets=NAME.socket')}`,
    codes: ['dependency', 'verify'],
    message: 'Requires=no-such.service of NAME.service: there is no such unit, so the start fails',
    line: 'Wants=no-such.service',
    fails: true,
  },
  {
    what: 'Requires= of a unit that is masked',
    service: `[Unit]\nRequires=masked.service\n${service('serve.mjs', ...SOUND, 'Sockets=NAME.socket')}`,
    codes: ['dependency', 'verify'],
    message: 'this unit is masked',
    line: 'systemctl unmask masked.service',
    fails: true,
  },
  {
    what: 'Wants= of a unit that is not there',
    service: `[Unit]\nWants=no-such.service\n${service('serve.mjs', ...SOUND, 'Sockets=NAME.socket')}`,
    codes: [],
    level: 'advice',
    message: 'Wants=no-such.service of NAME.service: there is no such unit, so nothing is started',
  },
  {
    what: 'After= of a misspelled unit',
    service: `[Unit]\nAfter=basci.target\n${service('serve.mjs', ...SOUND, 'Sockets=NAME.socket')}`,
    codes: [],
    level: 'advice',
    message: 'After=basci.target of NAME.service: there is no such unit, so nothing is waited for',
    line: 'After=basic.target',
  },
  {
    what: 'an EnvironmentFile= that is not there',
    extra: ['EnvironmentFile=/run/no-such.env'],
    codes: ['environment-file'],
    message: 'EnvironmentFile=/run/no-such.env is not there',
    line: 'EnvironmentFile=-/run/no-such.env',
    fails: true,
  },
  {
    what: 'a WorkingDirectory= that is not there',
    extra: ['WorkingDirectory=/run/no-such'],
    codes: ['directory'],
    message: 'WorkingDirectory=/run/no-such: there is no such folder here',
    line: 'sudo mkdir -p /run/no-such',
    fails: true,
  },
  {
    what: 'a WorkingDirectory= that ProtectHome= hides',
    extra: ['WorkingDirectory=/run/user/0', 'ProtectHome=yes'],
    codes: ['directory'],
    message: 'ProtectHome= hides /run/user',
    fails: true,
  },
  {
    what: 'a WorkingDirectory= that is closed to the user',
    extra: ['WorkingDirectory=/run/closed', 'User=daemon'],
    codes: ['directory'],
    message: '/run/closed is closed to daemon',
    fails: true,
  },
  {
    what: 'a User= who is not there',
    extra: ['User=nobodyhere'],
    codes: ['user'],
    message: 'User=nobodyhere: there is no such user here: the service ends with 217/USER',
    line: 'sudo useradd --system nobodyhere',
    fails: true,
  },
  {
    what: 'a Group= that is not there',
    extra: ['Group=nobodieshere'],
    codes: ['user'],
    message: 'Group=nobodieshere: there is no such group here: the service ends with 216/GROUP',
    line: 'sudo groupadd --system nobodieshere',
    fails: true,
  },
  {
    what: 'a script that is not there',
    service: command('/usr/bin/node --enable-source-maps server.mjs'),
    codes: ['program'],
    message: '/server.mjs is not there, and server.mjs is looked for in /',
    line: 'ExecStart=/usr/bin/node /path/to/server.mjs',
    fails: true,
  },
  {
    what: 'a node that is closed to the user',
    service: `${command('/run/closed/node -e 0')}User=daemon\n`,
    codes: ['program'],
    message: '/run/closed is closed to daemon, and /run/closed/node is there',
    fails: true,
  },
  {
    what: 'few descriptors',
    extra: ['LimitNOFILE=18', 'FileDescriptorStoreMax=0'],
    codes: ['limit'],
    message: 'LimitNOFILE=18: Node needs 32 descriptors to serve',
    line: 'LimitNOFILE=524288',
    fails: true,
  },
  {
    what: 'fewer descriptors than clients',
    extra: ['LimitNOFILE=256'],
    codes: [],
    level: 'advice',
    message: 'LimitNOFILE=256: a connection is a descriptor',
  },
  {
    what: 'little address space',
    extra: ['LimitAS=500M'],
    codes: ['limit'],
    message: 'LimitAS=500M: Node does not start',
    line: 'LimitAS=infinity',
    fails: true,
  },
  {
    what: 'a filter that forbids what Node needs',
    extra: ['SystemCallFilter=~@signal @mount', 'SystemCallErrorNumber=EPERM'],
    codes: ['hardening'],
    message: 'SystemCallFilter=~@signal ends Node at its start',
    line: 'SystemCallFilter=@system-service @pkey',
    fails: true,
  },
  {
    what: 'a filter that allows too little',
    extra: ['SystemCallFilter=@basic-io @file-system @network-io @process @pkey'],
    codes: ['hardening'],
    message: 'SystemCallFilter= without @system-service ends Node at its start',
    line: 'SystemCallFilter=@system-service @pkey',
    fails: true,
  },
  {
    what: 'a list of families that takes AF_UNIX away',
    extra: [
      'RestrictAddressFamilies=AF_INET AF_UNIX AF_NETLINK',
      'RestrictAddressFamilies=~AF_UNIX',
    ],
    codes: ['hardening'],
    message: 'without AF_UNIX',
    fails: true,
  },
  {
    what: 'no hardening',
    codes: [],
    level: 'advice',
    message: 'systemd-analyze security: 9.',
    line: 'npx libsystemd units --name NAME --dry-run …',
  },
];

const diagnose = (bed: Bed, options: object): Promise<Diagnosis> =>
  bed.evaluate(`
    const { diagnose } = await import('libsystemd/doctor');
    result(await diagnose(${JSON.stringify(options)}));
  `);

const badCodes = ({ findings }: Diagnosis): string[] => [
  ...new Set(findings.filter(({ level }) => level === 'bad').map(({ code }) => code)),
];

/** Runs the command in the bed. */
async function doctor(bed: Bed, ...args: string[]) {
  const cli = '/opt/node_modules/libsystemd/dist/cli.js';
  try {
    return { stdout: await bed.run('node', cli, 'doctor', ...args), code: 0 };
  } catch (error) {
    return error as { stdout: string; code: number };
  }
}

describeInBed('the doctor', [], (bed) => {
  beforeAll(async () => {
    await bed().run('mkdir', '-p', '-m', '700', '/run/closed', '/run/user/0');
    await bed().run('cp', '/usr/bin/node', '/run/closed/node');
    await bed().run('ln', '-sf', '/dev/null', '/run/units/masked.service');
  });

  test('finds nothing in a sound service, which runs or not', async () => {
    await bed().add({ 'sound.service': sound('sound'), 'sound.socket': soundSocket() });
    await bed().systemctl('start', 'sound.socket');
    expect(badCodes(await diagnose(bed(), { unit: 'sound.service' }))).toEqual([]);
    await bed().systemctl('start', 'sound.service');
    const { unit, isHealthy, findings } = await diagnose(bed(), { unit: 'sound' });
    expect({ unit, isHealthy }).toEqual({ unit: 'sound.service', isHealthy: true });
    const codes = [...new Set(findings.map(({ code }) => code))];
    expect(codes).toEqual([
      ...['systemd', 'load', 'type', 'notify-access', 'between', 'watchdog', 'restart', 'fd-store'],
      ...[
        'directory',
        'sockets',
        'requires',
        'backlog',
        'trigger-limit',
        'dependency',
        'hardening',
      ],
      ...['state', 'pings', 'verify', 'score', 'libsystemd'],
    ]);
  });

  test.each(FAULTS.map((fault, index) => [fault.what, `fault-${index}`, fault] as const))(
    'finds, and nothing else: %s',
    async (_what, name, fault) => {
      const text = (fault.service ?? sound(name, fault.extra)).replaceAll('NAME', name);
      await bed().add({ [`${name}.service`]: text, [`${name}.socket`]: soundSocket(fault.socket) });
      await bed()
        .systemctl('start', `${name}.socket`)
        .catch(() => {});
      const diagnosis = await diagnose(bed(), { unit: `${name}.service` });
      const { level = 'bad' } = fault;
      const found = diagnosis.findings.filter((finding) => finding.level === level);
      const message = fault.message.replace('NAME', name);
      expect(found.map((finding) => finding.message).join('\n')).toContain(message);
      const lines = found.flatMap((finding) => finding.lines);
      if (fault.line) expect(lines).toContain(fault.line.replace('NAME', name));
      if (fault.codes.includes('state')) return; // a unit that can't be loaded has no socket that could be started
      expect(badCodes(diagnosis)).toEqual(fault.codes);
      expect(diagnosis.isHealthy).toBe(fault.codes.length === 0);
      if (fault.fails) await expect(bed().systemctl('start', `${name}.service`)).rejects.toThrow();
    },
  );

  test('reads unit files that are not loaded, and says that systemd was not asked', async () => {
    const file = '/run/elsewhere.service';
    writeFileSync(bed().path(file), sound('elsewhere'));
    writeFileSync(bed().path('/run/elsewhere.socket'), soundSocket());
    const { unit, findings } = await diagnose(bed(), { file });
    expect(unit).toBe('elsewhere.service');
    expect(findings[0]?.message).toMatch(/^systemd \d+ was not asked: only the files were read$/);
    expect(findings.filter(({ level }) => level === 'bad')).toEqual([]);
  });

  test('a unit that does not exist is said to be none', async () => {
    const { findings } = await diagnose(bed(), { unit: 'no-such' });
    expect(findings).toContainEqual(
      expect.objectContaining({ level: 'bad', message: 'systemd has no unit no-such.service' }),
    );
  });

  test.each<[string, string, readonly string[], string]>([
    ['exits before READY=1', `exec node -e 0`, ['Type=notify'], 'result protocol'],
    [
      'never says READY=1',
      'exec sleep 60',
      ['Type=notify', 'TimeoutStartSec=1'],
      'it did not say READY=1',
    ],
    ['has no such program', '/nowhere', ['Type=notify'], '203/EXEC'],
    [
      'never pings',
      'systemd-notify --ready; exec sleep 60',
      ['Type=notify', 'NotifyAccess=all', 'WatchdogSec=1'],
      'result watchdog',
    ],
    [
      'ends with 143',
      'exec node -e "process.exit(143)"',
      ['Type=exec'],
      'exit(143) counts as a failure',
    ],
    [
      'is killed by a filter',
      'exec node -e 0',
      ['Type=exec', 'SystemCallFilter=~@file-system'],
      'SIGSYS',
    ],
    [
      'fails too often',
      'exit 1',
      ['Type=exec', 'Restart=always', 'RestartSec=1ms', 'StartLimitBurst=2'],
      'systemd gave up after',
    ],
  ])('tells why a service failed: it %s', async (what, script, lines, message) => {
    const name = `failed-${what.replace(/\W/g, '-')}`;
    const start = script.startsWith('/') ? script : `/bin/sh -c '${script}'`;
    const text = `[Service]\nExecStart=${start}\n${lines.join('\n')}\n`;
    await bed().add({ [`${name}.service`]: text });
    await bed()
      .systemctl('start', `${name}.service`)
      .catch(() => {});
    await bed().until(`${name}.service`, ({ ActiveState }) => ActiveState === 'failed');
    const { findings } = await diagnose(bed(), { unit: name });
    const state = findings.find(({ code }) => code === 'state');
    expect(state).toMatchObject({ level: 'bad' });
    expect(state?.message).toContain(`${name}.service is failed`);
    expect(state?.message).toContain(message);
  });

  test('sees a service that waits for READY=1', async () => {
    await bed().add({ 'waits.service': '[Service]\nType=notify\nExecStart=/bin/sleep 60\n' });
    await bed().systemctl('start', '--no-block', 'waits.service');
    await bed().until('waits.service', ({ SubState }) => SubState === 'start');
    expect(badCodes(await diagnose(bed(), { unit: 'waits' }))).toContain('state');
  });

  test('sees that no pings come, before the watchdog kills', async () => {
    await bed().add({ 'silent.service': puppet('Type=notify', 'WatchdogSec=30') });
    await bed().systemctl('start', '--no-block', 'silent.service');
    await bed().runInService('silent', 'notify.ready();');
    await sleep(23_000); // more than three quarters of the timeout, and seconds before the kill
    const { findings } = await diagnose(bed(), { unit: 'silent' });
    expect(findings).toContainEqual(
      expect.objectContaining({ code: 'pings', level: 'bad', lines: ['watchdog.start()'] }),
    );
  });

  test('sees a full fd store', async () => {
    await bed().add({ 'full.service': puppet('Type=notify', 'FileDescriptorStoreMax=1') });
    await bed().systemctl('start', '--no-block', 'full.service');
    await bed().runInService(
      'full',
      `fdStore.save('a', Buffer.from('x')); notify.ready(); await notify.barrier();`,
    );
    const { findings } = await diagnose(bed(), { unit: 'full' });
    expect(findings).toContainEqual(
      expect.objectContaining({
        code: 'fd-store',
        level: 'bad',
        lines: ['FileDescriptorStoreMax=2'],
      }),
    );
  });

  test.each([
    ['shell', "/bin/sh -c '/usr/bin/node PROGRAM; true'", 'the sockets are for process'],
    [
      'systemfd',
      '/usr/bin/env -u LISTEN_PID /usr/bin/node PROGRAM',
      'systemfd --no-pid and watchexec leave LISTEN_PID out',
    ],
  ])('sees in the processes whose sockets they are: %s', async (name, line, message) => {
    const program = '/opt/node_modules/libsystemd/test/manager/programs/puppet.mjs /run/%N.puppet';
    const unit = `pid-${name}`;
    await bed().add({
      [`${unit}.service`]: `[Unit]\nRequires=${unit}.socket\n[Service]\nType=exec\nExecStart=${line.replace('PROGRAM', program)}\n`,
      [`${unit}.socket`]: soundSocket(),
    });
    await bed().systemctl('start', `${unit}.service`);
    await bed().runInService(unit, 'return 1;');
    const { findings } = await diagnose(bed(), { unit });
    const found = findings.filter(({ code }) => code === 'listen-pid');
    expect(found.map((finding) => finding.message)).toEqual([expect.stringContaining(message)]);
  });

  test.each([
    ['one port', '127.0.0.1:9590', '127.0.0.1:9590', [], 'can be opened (EADDRINUSE)'],
    ['every address and one of them', '9591', '127.0.0.1:9591', [], 'can be opened (EADDRINUSE)'],
    ['both families', '0.0.0.0:9592', '[::]:9592', [], 'which is every IPv4 address too'],
    ['one path', '/run/two.sock', '/run/two.sock', [], 'who starts last takes the path'],
    ['both families apart', '0.0.0.0:9593', '[::]:9593', ['BindIPv6Only=ipv6-only'], undefined],
    ['a shared port', '127.0.0.1:9594', '127.0.0.1:9594', ['ReusePort=yes'], undefined],
    ['other ports', '127.0.0.1:9595', '127.0.0.1:9596', [], undefined],
  ])('sees two socket units on one address: %s', async (what, one, other, lines, message) => {
    const [name, second] = [
      `one-${what.replaceAll(' ', '-')}`,
      `other-${what.replaceAll(' ', '-')}`,
    ];
    const socket = (address: string) =>
      ['[Socket]', `ListenStream=${address}`, ...lines, ''].join('\n');
    await bed().add({
      [`${name}.service`]: sound(name),
      [`${name}.socket`]: socket(one),
      [`${second}.service`]: sound(second),
      [`${second}.socket`]: socket(other),
    });
    await bed().systemctl('start', `${second}.socket`);
    const starts = await bed()
      .systemctl('start', `${name}.socket`)
      .then(
        () => true,
        () => false,
      );
    const { findings } = await diagnose(bed(), { unit: name });
    const found = findings.filter(({ code }) => code === 'address');
    expect(found.map((finding) => [finding.level, finding.message])).toEqual(
      message === undefined ? [] : [['bad', expect.stringContaining(message)]],
    );
    expect(starts).toBe(message === undefined || one.startsWith('/'));
  });

  test('sees a socket that is not started, and files that have changed', async () => {
    await bed().add({ 'late.service': sound('late'), 'late.socket': soundSocket() });
    expect(badCodes(await diagnose(bed(), { unit: 'late' }))).toEqual(['socket-state']);
    await bed().systemctl('start', 'late.socket');
    await sleep(1100); // systemd compares modification times
    writeFileSync(bed().path('/run/units/late.service'), sound('late', ['RestartSec=3']));
    expect(badCodes(await diagnose(bed(), { unit: 'late' }))).toEqual(['daemon-reload']);
    await bed().systemctl('daemon-reload');
  });

  test('diagnoses the service that it is called in', async () => {
    await bed().add({ 'inside.service': puppet(...SOUND), 'inside.socket': soundSocket() });
    await bed().systemctl('start', '--no-block', 'inside.service');
    const inside = await bed().runInService<Diagnosis>(
      'inside',
      `notify.ready(); await notify.barrier();
       const { diagnose } = await require('libsystemd/doctor');
       return await diagnose();`,
    );
    expect(inside.unit).toBe('inside.service');
    expect(inside.findings[0]).toMatchObject({ code: 'notify-socket', level: 'good' });
    expect(badCodes(inside)).toEqual(['requires', 'socket-state']);
  });

  test.each([
    ['a cgroup that a service has made', '/a.slice/own.service/other.service', 'own.service'],
    [
      "a service of a user's own manager",
      '/user.slice/user-1000.slice/user@1000.service/app.slice/mine.service',
      undefined,
    ],
    ['the session of a user', '/user.slice/user-1000.slice/session-3.scope', undefined],
  ])('asked about itself in %s, below %s, it names %s', async (_what, path, unit) => {
    const inside = await bed().evaluate<Diagnosis>(`
      import { mkdirSync, writeFileSync } from 'node:fs';
      import { diagnose } from 'libsystemd/doctor';
      const folder = '/sys/fs/cgroup${path}';
      mkdirSync(folder, { recursive: true });
      writeFileSync(folder + '/cgroup.procs', String(process.pid));
      result(await diagnose());
    `);
    expect(inside.unit).toBe(unit);
  });

  test('in ExecStartPre= of a sound service it finds nothing, and the service starts', async () => {
    const cli = '/opt/node_modules/libsystemd/dist/cli.js';
    const extra = [`ExecStartPre=/usr/bin/node ${cli} doctor --json`];
    await bed().add({ 'before.service': sound('before', extra), 'before.socket': soundSocket() });
    await bed().systemctl('start', 'before.socket', 'before.service');
    const line = (await bed().journal('before.service'))
      .split('\n')
      .find((one) => one.startsWith('{"unit"'));
    const diagnosis: Diagnosis = JSON.parse(line ?? '{}');
    expect(diagnosis.unit).toBe('before.service');
    expect(diagnosis.findings.filter(({ level }) => level === 'bad')).toEqual([]);
    expect(diagnosis.findings[0]).toMatchObject({ code: 'notify-socket', level: 'good' });
    expect(diagnosis.findings).toContainEqual(
      expect.objectContaining({ message: 'before.service is activating (start-pre)' }),
    );
  });

  test('a service that asks about itself before it is ready is told of no fault', async () => {
    await bed().add({
      'asks.service': `[Unit]\nRequires=asks.socket\n${puppet(...SOUND)}`,
      'asks.socket': soundSocket(),
    });
    await bed().systemctl('start', '--no-block', 'asks.service');
    const inside = await bed().runInService<Diagnosis>(
      'asks',
      `const { diagnose } = await require('libsystemd/doctor'); return await diagnose();`,
    );
    expect(badCodes(inside)).toEqual([]);
    expect(inside.findings).toContainEqual(
      expect.objectContaining({ code: 'state', level: 'advice' }),
    );
  });

  test('prints marks, messages and lines to add, and exits with 1 for a fault', async () => {
    await bed().add({
      'printed.service': sound('printed', ['Type=exec']),
      'printed.socket': soundSocket(),
    });
    await bed().systemctl('start', 'printed.socket');
    const { stdout, code } = await doctor(bed(), '--unit', 'printed');
    expect(code).toBe(1);
    expect(stdout).toContain(
      '\n✖ Type=exec: systemd does not wait until the program serves\n      Type=notify\n',
    );
    expect(stdout).toMatch(/^✓ systemd \d+\n✓ printed\.service: systemd knows every setting\n/);
    expect(stdout).not.toContain('\u001b');
    const json = await doctor(bed(), '--unit', 'sound', '--json');
    expect(json.code).toBe(0);
    expect(JSON.parse(json.stdout)).toMatchObject({ unit: 'sound.service', isHealthy: true });
  });
});
