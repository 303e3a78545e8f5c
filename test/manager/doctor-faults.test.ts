// diagnose() about units of a real manager: each has exactly one fault.
import { beforeAll, expect, test } from 'vitest';
import { describeInBed, service } from './bed.ts';
import { badCodes, diagnose, SOUND, sound, soundSocket } from './sound-units.ts';

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

describeInBed('the doctor', [], (bed) => {
  beforeAll(async () => {
    await bed().run('mkdir', '-p', '-m', '700', '/run/closed', '/run/user/0');
    await bed().run('cp', '/usr/bin/node', '/run/closed/node');
    await bed().run('ln', '-sf', '/dev/null', '/run/units/masked.service');
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
});
