// What readUnitFile() says of unit files is what a real manager says and does with them.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import type { UnitDescription } from '../../lib/manager/description.ts';
import { expandVariables } from '../../lib/manager/unit-file/command.ts';
import { whyUnknown } from '../../lib/manager/unit-file/setting-names.ts';
import { toMilliseconds } from '../../lib/manager/unit-file/values.ts';
import { readUnitFile } from '../../lib/manager/unit-file.ts';
import { type Bed, describeInBed, type Unit, VERSION } from './bed.ts';

const BARE = '[Service]\nExecStart=/bin/true\n';

/** Values of ExecStart= of a program that prints its arguments, each in brackets. */
const COMMAND_LINES: readonly string[] = [
  'a b  c\td',
  '"a b" \'c d\' e"f g"h',
  '"" \'\' x',
  '"say \\"hi\\"" \'it\\\'s\'',
  '\\x41\\101\\u00e9\\U0001F600 \\xc3\\xa9',
  'a\\sb \\t \\\\ \\q\\z',
  '%% %n %N %p %i %I %j %J %P %f %t %S %C %L %E %T %V %v %b %a %u %U %h %G %g %s %Y 100% % %- %',
  '"%n" \'%p\' \\x25n',
  // biome-ignore lint/suspicious/noTemplateCurlyInString: a variable of the unit
  '${ONE} $ONE a$ONE a${ONE}b "$TWO" \'${TWO}\' $TWO ${MISSING} $MISSING $$ONE $${ONE} $1 ${',
  'x \\; y',
  'one \\\n  two \\\n# a comment\n\n; another\n   three',
  'a\\\\',
  '-x +y @z !w :v',
  // biome-ignore lint/suspicious/noTemplateCurlyInString: a variable of the unit
  '$QUOTED ${QUOTED}',
  '$OPEN $ESCAPES',
  // biome-ignore lint/suspicious/noTemplateCurlyInString: a variable of the unit
  '${É} ${A-B} ${1} ${}',
];

const ARGUMENT_ENVIRONMENT = `Environment=ONE=1 "TWO=a  b" 'QUOTED="a b" c' 'OPEN=a "b c' 'ESCAPES=a\\\\nb \\\\q "c\\\\"d" \\\\'`;

const commandUnit = (line: string): string =>
  [
    '[Service]',
    'Type=oneshot',
    ARGUMENT_ENVIRONMENT,
    'StandardOutput=truncate:/run/%N.out',
    `ExecStart=/usr/bin/printf "[%%s]" ${line}`,
    '',
  ].join('\n');

const commandUnits = COMMAND_LINES.map(
  (line, index) => [line, `pre-fix-${index}@in-st\\x2dance.service`] as const,
);

const ENVIRONMENT_FILE = [
  '# comment=1',
  ' ; comment=2',
  'PLAIN=a b  ',
  'SINGLE=\'a "b" \\n c\'',
  'DOUBLE="a \\"b\\" \\$c \\x \\\\ d"',
  'LINES="a',
  'b"',
  'JOINED=a\\',
  'b',
  'HASH=a # b',
  '  SPACES  =  x  ',
  'ESCAPED=a\\ \\b\\"c',
  "MIXED=\"a b\"'c d'e'f'",
  'TWICE="a" "b"',
  'EMPTY=',
  'export NO=1',
  '1BAD=1',
  'nothing',
  'OVER=file',
  'EQUALS=a=b',
  'ESCAPED_END=a\\ ',
  'RETURN=1\rAFTER_RETURN=2',
  'LAST="not closed',
  '',
].join('\n');

const ENVIRONMENT_UNIT = `[Service]
Type=oneshot
WatchdogSec=1min 30s
Environment=A=1 "B=two words" C=%p 'D=it\\x20is' E=
Environment=A=2 OVER=unit "PERCENT=100%%"
Environment=WORD=1 none "=2" 1BAD=3 NO-NAME=4 NO_SPECIFIER=%Z AFTER=5
Environment=ESCAPE=1 UNKNOWN=a\\q NOT_READ=2
Environment=CLOSED=1 "OPEN=2
EnvironmentFile=-/run/no-such-file
EnvironmentFile=/run/environment
StandardOutput=truncate:/run/%N.out
ExecStart=/usr/bin/env -0
`;

/** Lines that systemd ignores, or not. The manager's log names those that it ignores. */
const ODD_LINES = `Outside=1
[Unit]
Description=odd
StartLimitIntervalSec=soon
[Service]
ExecStart=/bin/true
Foo=bar
X-Foo=bar
type=notify
WatchdogSec=10 parsecs
Restart=sometimes
RestartSec=5 
NoEquals
=NoKey
ListenStream=80
Environment="A=1
Environment=A=1 word
KillSignal=SIGNONE
KillSignal=SIGRTMIN+3
KillSignal=64
StandardInput=tty-force
StandardInput=data
StandardInput=fd:name
StandardInput=ttyx
SuccessExitStatus=1 RTMAX-1
SuccessExitStatus=1 word
SuccessExitStatus=300
TimeoutStopSec=-1
FileDescriptorStoreMax=many
WorkingDirectory=-relative
ReloadSignal=SIGUSR1
RestartSteps=3
NotifyAccess=some
[Bogus]
A=1
[X-Mine]
B=2
`;

/** Lines for which the manager refuses to start the unit. */
const FATAL: readonly string[] = [
  'ExecStart=/bin/true %Z',
  'ExecStart=/bin/true %2',
  'ExecStart=/bin/true "a',
  'ExecStart=/bin/',
  'ExecStart=@/bin/true',
  'WorkingDirectory=relative',
  'ExecStart=/bin/false',
  'ExecStart=',
  'Type=oneshot\nRestart=always',
  'ExecStart=\nExecStart=./true',
  // biome-ignore lint/suspicious/noTemplateCurlyInString: a variable of the unit
  'ExecStart=\nExecStart=${DIRECTORY}/true',
  ...['@@', '::', '+!', '!+', '+!!', '!!+', '!!!', '++', '@-:!!!'].map(
    (prefixes) => `ExecStart=\nExecStart=${prefixes}/bin/true true`,
  ),
  'WorkingDirectory=/a/../b',
];

const fatalUnits = FATAL.map((lines, index) => [lines, `fatal-${index}.service`] as const);

/** Unit files whose properties are compared with `systemctl show`, which tells WatchdogSec= only of a running service. */
const SETTINGS: Readonly<Record<string, string>> = {
  'bare.service': BARE,
  'notify.service': `[Service]
ExecStart=/bin/true
Type = notify
WatchdogSec=1min 30s
TimeoutStartSec=1.5
TimeoutStopSec=500ms
TimeoutAbortSec=1h5m
RestartSec=100us
Restart=on-abnormal
FileDescriptorStoreMax=0x10
KillMode=mixed
KillSignal=2
FinalKillSignal=USR1
WatchdogSignal=SIGQUIT
SendSIGHUP=On
RuntimeMaxSec=1d 2hr
SuccessExitStatus=143 TEMPFAIL SIGUSR1 7
RestartPreventExitStatus=255 SIGKILL
RestartForceExitStatus=CONFIG
StandardInput=null
WorkingDirectory=-/tmp/%p
`,
  'reset.service': `[Unit]
StartLimitIntervalSec=1w
StartLimitBurst=3
[Service]
ExecStart=/bin/false
ExecStart=
ExecStart=-/bin/true a
ExecStartPre=/bin/one
ExecStartPre=
ExecStopPost=+/bin/a ; /bin/b
ExecReload=/bin/kill -HUP $MAINPID
Type=notify
Type=exec
TimeoutSec=0
SuccessExitStatus=1 2
SuccessExitStatus=
SuccessExitStatus=3
KillMode=process
NonBlocking=yes
RemainAfterExit=t
NotifyAccess=exec
Sockets=other-name.socket
`,
  'reset.service.d/20-second.conf': '[Service]\nRestartSec=2\nWatchdogSec=infinity\n',
  'reset.service.d/10-first.conf': '[Service]\nRestartSec=1\nRestart=always\n',
  'reset.service.d/30-not.txt': '[Service]\nRestart=no\n',
  'odd-values.service': `[Service]
ExecStart=:-!!/bin/true true
SuccessExitStatus=1 300 TEMPFAIL NONE SIGUSR1 0x7 "8" 9
RestartPreventExitStatus=2 "3
KillSignal=0xf
FinalKillSignal=IOT
WatchdogSignal=POLL
WorkingDirectory=/tmp//a/./b/
RestartSec=1.5.5
TimeoutStartSec=1.
TimeoutStopSec=10000000y
RuntimeMaxSec=+1
`,
  'oneshot.service': '[Service]\nType=oneshot\nExecStart=/bin/true\nTimeoutAbortSec=infinity\n',
  'service.d/all.conf': '[Service]\nFinalKillSignal=SIGUSR2\n',
  'dash-.service.d/50.conf': '[Service]\nRestartSec=7\nKillSignal=SIGINT\n',
  'dash-app.service.d/50.conf': '[Service]\nRestartSec=8\n',
  'dash-app.service': '[Service]\nExecStart=/bin/true\nRestartSec=6\n',
  'template@.service': '[Service]\nExecStart=/bin/true %i\nWorkingDirectory=/tmp/%I\n',
  'template@.service.d/a.conf': '[Service]\nRestartSec=9\n',
  'template@x-y.service.d/a.conf': '[Service]\nRestartSec=11\n',
  'crlf.service': '[Service]\r\nExecStart=/bin/true a\r\nRestartSec=5\r\n',
};

const SHOWN = [
  'bare.service',
  'notify.service',
  'reset.service',
  'odd-values.service',
  'oneshot.service',
  'dash-app.service',
  'template@x-y.service',
  'template@z.service',
  'crlf.service',
];

const SOCKETS: Readonly<Record<string, string>> = {
  'many.service': BARE,
  'many.socket': `[Socket]
ListenStream=1
ListenStream=
ListenStream=127.0.0.1:8001
ListenDatagram=[::1]:8002
ListenSequentialPacket=/run/%p/seq
ListenStream=@abstract-%N
ListenFIFO=/run/fifo
ListenMessageQueue=/queue
ListenNetlink=kobject-uevent 1
ListenStream=vsock:2:80
ListenStream=relative
ListenStream=localhost:80
ListenStream=99999
ListenStream=0
ListenDatagram=127.0.0.1:0
ListenStream=unix:/run/x
ListenNetlink=bogus 1
ListenStream=8003
Backlog=7
SocketMode=0600
DirectoryMode=0700
FileDescriptorName=%p-fds
KeepAlive=yes
NoDelay=yes
ReceiveBuffer=64K
ReceiveBuffer=64KB
ReceiveBuffer=100E
PipeSize=1.5 M
BindIPv6Only=yes
MaxConnections=5
Service=many
Service=many.socket
Service=
TriggerLimitBurst=3
Bogus=1
`,
  'named.socket': '[Socket]\nListenStream=8004\nService=many.service\nFileDescriptorName=a:b\n',
  'each@.service': BARE,
  'each.socket': '[Socket]\nListenStream=8005\nAccept=yes\n',
};

function write(bed: Bed, files: Readonly<Record<string, string>>): Promise<unknown> {
  for (const [name, text] of Object.entries(files)) {
    const path = bed.path(`/run/units/${name}`);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
  return bed.systemctl('daemon-reload');
}

const systemd = VERSION;
const readInBed = (bed: Bed, name: string) =>
  readUnitFile(bed.path(`/run/units/${name}`), { systemd });

const time = (value: string | number | undefined): number =>
  value === undefined ? Number.NaN : toMilliseconds(String(value));

/** An exit status set as a list of words, however systemctl sorts them. */
const statuses = (text: string | number | undefined): string[] => String(text).split(' ').sort();

/** The commands that a property such as ExecStart= shows, as `[-]program arguments`. */
function commands(shown: string | number | undefined): string[] {
  const each = /argv\[\]=(.*?) ; ignore_errors=(\w+)/g;
  return [...String(shown ?? '').matchAll(each)].map(
    ([, argv, ignore]) => `${ignore === 'yes' ? '-' : ''}${argv}`,
  );
}

const asShown = (list: UnitDescription['startPre']): string[] =>
  list.map(({ argv, ignoreFailure }) => `${ignoreFailure ? '-' : ''}${argv.join(' ')}`);

const signalNumbers: Readonly<Record<string, number>> = {
  SIGTERM: 15,
  SIGINT: 2,
  SIGKILL: 9,
  SIGUSR1: 10,
  SIGUSR2: 12,
  SIGABRT: 6,
  SIGQUIT: 3,
  SIGHUP: 1,
};

/** What we read, in the form of what the manager shows. */
function ours(unit: UnitDescription) {
  const words = ({ codes, signals }: UnitDescription['successExitStatus']) =>
    [...codes.map(String), ...signals.map((name) => name.slice(3))].sort();
  return {
    type: unit.type,
    restart: unit.restart,
    restartDelay: unit.restartDelay,
    startTimeout: unit.startTimeout,
    stopTimeout: unit.stopTimeout,
    abortTimeout: unit.abortTimeout,
    runtimeTimeout: unit.runtimeTimeout,
    startLimit: unit.startLimit,
    fdStoreMax: unit.fdStoreMax,
    notifyAccess: unit.notifyAccess,
    killMode: unit.killMode,
    killSignal: signalNumbers[unit.killSignal],
    finalKillSignal: signalNumbers[unit.finalKillSignal],
    watchdogSignal: signalNumbers[unit.watchdogSignal],
    sendSighup: unit.sendSighup,
    nonBlocking: unit.nonBlocking,
    remainAfterExit: unit.remainAfterExit,
    directory: unit.directory ?? '',
    start: asShown([unit.start]),
    startPre: asShown(unit.startPre),
    reload: asShown(unit.reload),
    stopPost: asShown(unit.stopPost),
    success: words(unit.successExitStatus),
    prevent: words(unit.restartPreventExitStatus),
    force: words(unit.restartForceExitStatus),
  };
}

/** The same from `systemctl show`, where a missing list is an empty text. */
function theManagers(shown: Unit) {
  const list = (key: string) => statuses(shown[key] ?? '').filter((word) => word !== '');
  const isOn = (key: string) => shown[key] === 'yes';
  return {
    type: shown['Type'],
    restart: shown['Restart'],
    restartDelay: time(shown['RestartUSec']),
    startTimeout: time(shown['TimeoutStartUSec']),
    stopTimeout: time(shown['TimeoutStopUSec']),
    abortTimeout: time(shown['TimeoutAbortUSec']),
    runtimeTimeout: time(shown['RuntimeMaxUSec']),
    startLimit: {
      burst: shown['StartLimitBurst'],
      interval: time(shown['StartLimitIntervalUSec']),
    },
    fdStoreMax: shown['FileDescriptorStoreMax'],
    notifyAccess: shown['NotifyAccess'],
    killMode: shown['KillMode'],
    killSignal: shown['KillSignal'],
    finalKillSignal: shown['FinalKillSignal'],
    watchdogSignal: shown['WatchdogSignal'],
    sendSighup: isOn('SendSIGHUP'),
    nonBlocking: isOn('NonBlocking'),
    remainAfterExit: isOn('RemainAfterExit'),
    directory: String(shown['WorkingDirectory'] ?? '').replace(/^!/, ''),
    start: commands(shown['ExecStart']),
    startPre: commands(shown['ExecStartPre']),
    reload: commands(shown['ExecReload']),
    stopPost: commands(shown['ExecStopPost']),
    success: list('SuccessExitStatus'),
    prevent: list('RestartPreventExitStatus'),
    force: list('RestartForceExitStatus'),
  };
}

/** `systemctl show`, with the lines of a property that has several joined. */
async function show(bed: Bed, name: string): Promise<Unit> {
  const lines = (await bed.systemctl('show', name)).split('\n');
  const several = lines.filter((line) => line.startsWith('ExecStopPost='));
  return { ...(await bed.show(name)), ExecStopPost: several.join('\n') };
}

describeInBed('unit files, as the manager reads them', [], (bed) => {
  beforeAll(async () => {
    writeFileSync(bed().path('/run/environment'), ENVIRONMENT_FILE);
    await write(bed(), {
      ...Object.fromEntries(commandUnits.map(([line, name]) => [name, commandUnit(line)])),
      ...Object.fromEntries(fatalUnits.map(([lines, name]) => [name, `${BARE}${lines}\n`])),
      ...SETTINGS,
      ...SOCKETS,
      'environment.service': ENVIRONMENT_UNIT,
      'odd.service': ODD_LINES,
    });
  });

  test.each(SHOWN)('%s has the same settings', async (name) => {
    expect(ours(readInBed(bed(), name).unit)).toEqual(theManagers(await show(bed(), name)));
  });

  test.each(commandUnits)('the arguments are the same: %j', async (_line, name) => {
    const { unit } = readInBed(bed(), name);
    const [program = '', ...args] = expandVariables(unit.start.argv, unit.environment);
    const { stdout } = spawnSync(program, args, { encoding: 'utf8' });
    await bed().systemctl('start', name);
    const out = bed().path(`/run/${name.replace(/\.service$/, '')}.out`);
    expect(stdout.replaceAll(bed().path('/'), '/')).toBe(readFileSync(out, 'utf8'));
  });

  test('the environment is the same, from the unit and from a file', async () => {
    const unitFile = bed().path('/run/units/environment.service');
    // The path of the environment file is one of the bed.
    const text = ENVIRONMENT_UNIT.replace('=/run/env', `=${bed().path('/run/env')}`);
    writeFileSync(unitFile.replace('environment.', 'outside.'), text);
    await bed().systemctl('start', 'environment.service');
    const own =
      /^(?:_|LANG|PATH|INVOCATION_ID|SYSTEMD_EXEC_PID|JOURNAL_STREAM|USER|MEMORY_PRESSURE_\w+|NOTIFY_SOCKET|WATCHDOG_PID)=/;
    const lines = readFileSync(bed().path('/run/environment.out'), 'utf8').split('\0');
    const theirs = lines.filter((line) => line !== '' && !own.test(line)).sort();
    const { environment, watchdogTimeout } = readInBed(bed(), 'outside.service').unit;
    const mine = { ...environment, C: 'environment', WATCHDOG_USEC: watchdogTimeout * 1000 };
    expect(
      Object.entries(mine)
        .map(([name, value]) => `${name}=${value}`)
        .sort(),
    ).toEqual(theirs);
  });

  test('the lines that the manager ignores are those that are listed as unknown', async () => {
    await bed().show('odd.service');
    await bed().run('journalctl', '--sync');
    const log = await bed().run('journalctl', '--no-pager', '--output=cat', '_PID=1');
    const theirs = [...log.matchAll(/odd\.service:(\d+): /g)].map(([, line]) => Number(line));
    const { unknown } = readInBed(bed(), 'odd.service');
    const numbered = unknown.map(({ line }) => line);
    expect([...new Set(numbered)].sort()).toEqual([...new Set(theirs)].sort());
    expect(numbered.length).toBeGreaterThan(12);
  });

  test.each(fatalUnits)('a unit is refused, as by the manager, for %j', async (_lines, name) => {
    expect((await bed().show(name))['LoadState']).toBe('bad-setting');
    expect(() => readInBed(bed(), name)).toThrow(
      expect.objectContaining({ code: 'ERR_SYSTEMD_UNIT_FILE' }),
    );
  });

  test('the sockets of a service are those that the manager would pass', async () => {
    const { unit, unknown } = readInBed(bed(), 'many.service');
    const shown = await bed().systemctl('show', '--property=Listen', 'many.socket');
    const kinds: Readonly<Record<string, string>> = {
      Stream: 'stream',
      Datagram: 'datagram',
      SequentialPacket: 'seqpacket',
      FIFO: 'fifo',
      MessageQueue: 'queue',
      Netlink: 'netlink',
    };
    const theirs = [...shown.matchAll(/^Listen=(.*) \((\w+)\)$/gm)].map(
      ([, address, kind]) => `${kinds[kind as string]} ${address}`,
    );
    const own = unit.sockets.filter(({ name }) => name === 'many-fds');
    const withHost = (address: string) => (/^\d+$/.test(address) ? `[::]:${address}` : address);
    expect(own.map(({ kind, address }) => `${kind} ${withHost(address)}`)).toEqual(theirs);
    expect(unit.sockets.map(({ name }) => name)).toContain('named.socket');
    expect(unknown.map(({ value }) => value).sort()).toEqual(
      [
        ...['', '0', '1', '127.0.0.1:0', '100E', '64KB', '99999', 'a:b', 'bogus 1'],
        ...['localhost:80', 'many', 'many.socket', 'relative', 'unix:/run/x'],
      ].sort(),
    );
    const options = await bed().show('many.socket');
    expect(own[0]).toMatchObject({
      backlog: options['Backlog'],
      mode: Number.parseInt(String(options['SocketMode']), 8),
      directoryMode: Number.parseInt(String(options['DirectoryMode']), 8),
      keepAlive: options['KeepAlive'] === 'yes',
      noDelay: options['NoDelay'] === 'yes',
      receiveBuffer: options['ReceiveBuffer'],
      pipeSize: options['PipeSize'],
      bindIPv6Only: options['BindIPv6Only'],
    });
    expect(unit).toMatchObject({
      maxConnections: options['MaxConnections'],
      triggerLimit: { burst: options['TriggerLimitBurst'], interval: 2000 },
      accept: false,
      lazy: true,
    });
    expect(readInBed(bed(), 'each@0.service').unit).toMatchObject({
      accept: true,
      sockets: [{ name: 'each.socket', kind: 'stream', address: '8005' }],
    });
  });

  test('the settings that exist are those of the manager', async () => {
    const dump = await bed().run('/lib/systemd/systemd', '--dump-configuration-items');
    const missing: string[] = [];
    let section = '';
    for (const line of dump.split('\n')) {
      section = /^\[(\w+)\]/.exec(line)?.[1] ?? section;
      const key = /^(\w+)=/.exec(line)?.[1];
      if (key === undefined || !['Unit', 'Service', 'Socket', 'Install'].includes(section))
        continue;
      if (whyUnknown(section, key, systemd) !== undefined) missing.push(`${section}.${key}`);
    }
    expect(missing).toEqual([]);
    expect(whyUnknown('Service', 'ReloadSignal', 252)).toBe(
      'it came with systemd 253, and this is 252',
    );
  });
});
