// The texts of the unit files: the pair that docs/hardening.md measures, with a comment for each line.
import type { SocketAddress } from '../../manager/addresses.ts';
import type { SocketRequest, UnitsRequest } from './request.ts';

/** A file of the result. */
export interface UnitText {
  readonly name: string;
  readonly text: string;
}

/** A setting, and the comment above it. */
type Line = readonly [setting: string, comment: string];

/** The first comment of each socket unit, by which those of an earlier run are known. */
export const SOCKET_MARK = 'For `systemctl list-sockets`.';

/** The release that brought Type=notify-reload. */
const NOTIFY_RELOAD = 253;

/** What DynamicUser= implies, and User= does not. */
const WITH_USER: readonly Line[] = [
  ['NoNewPrivileges=yes', 'No program that is run gets more rights, not even by setuid.'],
  ['ProtectSystem=strict', 'The whole file system is read-only, but for the folders below.'],
  ['PrivateTmp=yes', '/tmp and /var/tmp are its own.'],
  ['RestrictSUIDSGID=yes', 'It makes no setuid files.'],
  ['RemoveIPC=yes', 'Shared memory and queues are removed when it ends.'],
];

const HARDENING: readonly Line[] = [
  ['UMask=0077', 'New files are for this user alone.'],
  ['ProtectHome=yes', 'It does not see /home, /root and /run/user.'],
  ['PrivateDevices=yes', 'It sees no devices but /dev/null, /dev/urandom and the like.'],
  ['PrivateMounts=yes', 'Its mounts are its own.'],
  ['PrivateUsers=yes', 'It sees no users but itself and root.'],
  ['ProtectProc=invisible', 'It does not see the processes of others.'],
  ['CapabilityBoundingSet=', 'No rights of root. systemd binds the ports, also those below 1024.'],
  ['ProtectClock=yes', 'It does not set the clock.'],
  ['ProtectControlGroups=yes', 'Control groups are read-only.'],
  ['ProtectHostname=yes', "It does not set the host's name."],
  ['ProtectKernelLogs=yes', "It does not read the kernel's log."],
  ['ProtectKernelModules=yes', 'It loads no kernel modules.'],
  ['ProtectKernelTunables=yes', '/proc/sys and /sys are read-only.'],
  ['LockPersonality=yes', 'It does not change its execution domain.'],
];

const NETWORK: Line = [
  'RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK',
  'The network, and what Node needs: Unix sockets to notify systemd, netlink for os.networkInterfaces().',
];

const NO_NETWORK: readonly Line[] = [
  ['PrivateNetwork=yes', 'No network. The sockets that systemd passes still serve.'],
  ['IPAddressDeny=any', 'No IP packet goes to or from a socket of its own.'],
  ['RestrictAddressFamilies=AF_UNIX', 'Unix sockets to notify systemd.'],
];

/** MemoryDenyWriteExecute= is missing on purpose: V8 compiles to memory that it then executes. */
const SYSTEM_CALLS: readonly Line[] = [
  ['RestrictNamespaces=yes', 'It makes no namespaces.'],
  ['RestrictRealtime=yes', 'It takes no real-time priority.'],
  ['SystemCallArchitectures=native', "Only the machine's own system calls."],
  [
    'SystemCallErrorNumber=EPERM',
    'A forbidden system call is an error in the program, and does not kill it.',
  ],
  [
    'SystemCallFilter=@system-service @pkey',
    'What services need; @pkey is what V8 of Node 20 calls.',
  ],
  ['SystemCallFilter=~@privileged @resources', 'Not what only root may do, and no priorities.'],
];

const section = (name: string, lines: readonly Line[]): string =>
  [`[${name}]`, ...lines.flatMap(([setting, comment]) => [`# ${comment}`, setting])].join('\n');

const file = (...sections: readonly string[]): string => `${sections.join('\n\n')}\n`;

/** A word of ExecStart=, where `%` and `$` stand for themselves, see systemd.syntax(7). */
function quoteWord(word: string): string {
  const literal = word.replaceAll('%', '%%').replaceAll('$', '$$$$');
  if (literal !== '' && !/[\s"'\\;]/.test(literal)) return literal;
  const escaped = literal.replace(/["\\]/g, '\\$&').replaceAll('\n', '\\n').replaceAll('\t', '\\t');
  return `"${escaped}"`;
}

function typeLine(systemd: number | undefined): Line {
  return (systemd ?? 0) >= NOTIFY_RELOAD
    ? [
        'Type=notify-reload',
        'It is started once it says READY=1, and `systemctl reload` sends SIGHUP: for serve({ reload }).',
      ]
    : ['Type=notify', 'It is started once it says READY=1, as serve() and notify.ready() do.'];
}

const directoryLine = ({ directory }: UnitsRequest): readonly Line[] =>
  directory === undefined
    ? []
    : [
        [
          `WorkingDirectory=${directory.path.replaceAll('%', '%%')}`,
          `Here node looks for ${directory.module}.`,
        ],
      ];

function userLines({ name, user }: UnitsRequest): readonly Line[] {
  const state: Line = [
    `StateDirectory=${name}`,
    `/var/lib/${name} is its own: process.env.STATE_DIRECTORY.`,
  ];
  if (user === undefined) {
    return [
      [
        'DynamicUser=yes',
        'A user of its own, which exists while it runs; no privileges, and a read-only file system.',
      ],
      state,
    ];
  }
  return [[`User=${user}`, 'The user has to exist.'], ...WITH_USER, state];
}

function serviceText(request: UnitsRequest): string {
  const { name, sockets, command, hasNetwork, systemd } = request;
  const units = sockets.map(({ unit }) => unit).join(' ');
  const unit: Line[] = [[`Description=${name}`, 'For `systemctl status` and the journal.']];
  if (units !== '')
    unit.push([`Requires=${units}`, 'A start of the service opens its sockets first.']);
  const install: Line =
    units === ''
      ? ['WantedBy=multi-user.target', 'systemctl enable: it starts at boot.']
      : [
          `Also=${units}`,
          'systemctl enable: its sockets are enabled, and the first client starts it.',
        ];
  const lines: Line[] = [
    typeLine(systemd),
    [
      `ExecStart=${command.map(quoteWord).join(' ')}`,
      'No npm and no shell in between, because the sockets are for this process.',
    ],
    ...directoryLine(request),
    ['WatchdogSec=30', 'It is restarted when its event loop hangs for 30 seconds: serve() pings.'],
    ['Restart=on-failure', 'It is restarted when it fails.'],
    ...userLines(request),
    ...HARDENING,
    ...(hasNetwork ? [NETWORK] : NO_NETWORK),
    ...SYSTEM_CALLS,
  ];
  return file(section('Unit', unit), section('Service', lines), section('Install', [install]));
}

const LISTEN: Readonly<Record<SocketAddress['kind'], string>> = {
  stream: 'ListenStream',
  datagram: 'ListenDatagram',
  seqpacket: 'ListenSequentialPacket',
  fifo: 'ListenFIFO',
  queue: 'ListenMessageQueue',
  special: 'ListenSpecial',
  netlink: 'ListenNetlink',
};

/** Says who reaches an address. */
function reach(address: string): string {
  if (/^(?:127\.|\[::1\])/.test(address)) {
    return `Only this machine reaches it. Every interface would be [::]:${address.replace(/^.*:/, '')}.`;
  }
  if (address.startsWith('/'))
    return 'All users of this machine may connect, unless SocketMode= forbids it.';
  if (address.startsWith('@')) return 'All programs of this network namespace may connect.';
  if (/^(?:0\.0\.0\.0|\[::\]):/.test(address)) return 'Every interface of this machine.';
  return 'Where clients find it.';
}

function socketText({ unit, name, addresses }: SocketRequest, app: string): string {
  const lines = addresses.map(
    ({ kind, address }): Line => [
      `${LISTEN[kind]}=${address.replaceAll('%', '%%')}`,
      reach(address),
    ],
  );
  if (name !== undefined) {
    lines.push([
      `FileDescriptorName=${name.replaceAll('%', '%%')}`,
      "The program's name for it: listenFds(), and the option `name` of serve().",
    ]);
  }
  if (unit !== `${app}.socket`)
    lines.push([`Service=${app}.service`, 'The service that it starts.']);
  return file(
    section('Unit', [
      [`Description=${unit === `${app}.socket` ? 'Socket' : name} of ${app}`, SOCKET_MARK],
    ]),
    section('Socket', lines),
    section('Install', [
      ['WantedBy=sockets.target', 'systemctl enable: systemd listens from boot on.'],
    ]),
  );
}

/** The files: the service first. */
export function unitTexts(request: UnitsRequest): UnitText[] {
  const { name, sockets } = request;
  return [
    { name: `${name}.service`, text: serviceText(request) },
    ...sockets.map((socket) => ({ name: socket.unit, text: socketText(socket, name) })),
  ];
}
