// Accept=yes: what the service of a connection gets is the same under a real manager and under the rules of its release.
import { execFile } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, onTestFinished, test } from 'vitest';
import { inspect } from '../../lib/descriptor/inspect.ts';
import { NEWEST_SYSTEMD } from '../../lib/manager/description.ts';
import { ManagedUnit } from '../../lib/manager/managed-unit.ts';
import { readUnitFile } from '../../lib/manager/unit-file.ts';
import { describeInBed, VERSION } from '../manager/bed.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();

/** Tells its client what it has got. The port of the client is another one each time. */
const TELL =
  'echo "$${LISTEN_FDS-no} $${LISTEN_FDNAMES-no} $${REMOTE_ADDR-no} $${REMOTE_PORT:+port}"';

/** Tells its client what its instance is called. Every number is another one each time. */
const TELL_INSTANCE = [
  'case "%i" in *-"$$SO_COOKIE"-*) cookie=is;; *) cookie="is not";; esac',
  '[ "%n" = "accept@%i.service" ] && n="%%n accept@%%i.service"',
  'echo "%%i is %i, $$n, %%I %I, SO_COOKIE $$cookie in it" | sed "s/[0-9][0-9]*/N/g" >&3',
].join('; ');

/** Clients: they print what they read, each connection in brackets. `at` is the port, or the path of the socket. */
const CLIENTS = {
  tcp: 'read(connect("127.0.0.1"))',
  unnamed: 'read(unix())',
  path: 'read(unix(at + ".client"))',
  abstract: 'read(unix("\\0" + at[1:] + ".client"))',
  // The second one comes while the first one is served.
  two: 'first = unix(); first.recv(1); read(unix()); first.close()',
} as const;

const program = (client: keyof typeof CLIENTS) => `
import socket, sys, time
at = sys.argv[1]
def connect(host):
  return socket.create_connection((host, int(at)))
def unix(name=None):
  one = socket.socket(socket.AF_UNIX)
  if name: one.bind(name)
  one.connect(at)
  return one
def read(one):
  text = b''
  while True:
    more = one.recv(4096)
    if not more: break
    text += more
  print('[' + text.decode().strip() + ']')
${CLIENTS[client]}
`;

interface Case {
  readonly listen: '/run/accept.sock' | '[::]:7001';
  readonly client: keyof typeof CLIENTS;
  readonly service?: readonly string[];
  readonly socket?: readonly string[];
  readonly command?: string;
  /** What the client prints, by release. */
  readonly printed: (systemd: number) => string;
}

const since257 = (then: string, before: string) => (systemd: number) =>
  systemd >= 257 ? then : before;

const CASES: Readonly<Record<string, Case>> = {
  'an IPv4 client of an IPv6 socket': {
    listen: '[::]:7001',
    client: 'tcp',
    printed: () => '[1 connection 127.0.0.1 port]',
  },
  'a Unix client without a name': {
    listen: '/run/accept.sock',
    client: 'unnamed',
    printed: () => '[1 connection no]',
  },
  'a Unix client with a path': {
    listen: '/run/accept.sock',
    client: 'path',
    printed: since257('[1 connection AT.client]', '[1 connection no]'),
  },
  'a Unix client with an abstract name': {
    listen: '/run/accept.sock',
    client: 'abstract',
    printed: since257('[1 connection @NAME.client]', '[1 connection no]'),
  },
  "a Unix client's instance": {
    listen: '/run/accept.sock',
    client: 'unnamed',
    command: TELL_INSTANCE,
    printed: (systemd) =>
      systemd >= 258
        ? '[%i is N-N-N_N-N, %n accept@%i.service, %I N/N/N_N/N, SO_COOKIE is in it]'
        : '[%i is N-N-N, %n accept@%i.service, %I N/N/N, SO_COOKIE is not in it]',
  },
  "a TCP client's instance": {
    listen: '[::]:7001',
    client: 'tcp',
    command: TELL_INSTANCE,
    printed: (systemd) =>
      systemd >= 258
        ? '[%i is N-N-N.N.N.N:N-N.N.N.N:N, %n accept@%i.service, %I N/N/N.N.N.N:N/N.N.N.N:N, SO_COOKIE is in it]'
        : '[%i is N-N.N.N.N:N-N.N.N.N:N, %n accept@%i.service, %I N/N.N.N.N:N/N.N.N.N:N, SO_COOKIE is not in it]',
  },
  'FileDescriptorName=': {
    listen: '/run/accept.sock',
    client: 'unnamed',
    socket: ['FileDescriptorName=chat'],
    printed: since257('[1 chat no]', '[1 connection no]'),
  },
  'StandardInput=socket': {
    listen: '/run/accept.sock',
    client: 'unnamed',
    service: ['StandardInput=socket'],
    command: TELL,
    printed: () => '[no no no]',
  },
  'MaxConnections=1': {
    listen: '/run/accept.sock',
    client: 'two',
    socket: ['MaxConnections=1'],
    command: 'echo >&3; cat <&3',
    printed: () => '[]',
  },
};

function unitsOf({ listen, service = [], socket = [], command = `${TELL} >&3` }: Case) {
  return {
    'accept@.service': ['[Service]', `ExecStart=/bin/sh -c '${command}'`, ...service, ''].join(
      '\n',
    ),
    'accept.socket': ['[Socket]', `ListenStream=${listen}`, 'Accept=yes', ...socket, ''].join('\n'),
  };
}

/** What has to be printed, with the addresses of this machine. */
const expected = ({ printed }: Case, systemd: number, at: string) =>
  printed(systemd).replace('AT', at).replace('NAME', at.slice(1));

describeInBed('under a service manager', [], (bed) => {
  test.each(Object.entries(CASES))('%s', async (_name, one) => {
    await bed().add(unitsOf(one));
    await bed().systemctl('start', 'accept.socket');
    onTestFinished(async () => {
      await bed().systemctl('stop', 'accept.socket');
      await bed().run('rm', '-f', '/run/accept.sock', '/run/accept.sock.client');
    });
    const at = one.listen.startsWith('/') ? one.listen : '7001';
    const printed = await bed().run('python3', '-c', program(one.client), at);
    expect(printed.trimEnd()).toBe(expected(one, VERSION, at));
  });
});

describe.each([...new Set([252, VERSION, NEWEST_SYSTEMD])])('under the rules of %i', (systemd) => {
  test.each(Object.entries(CASES))('%s', async (name, one) => {
    const place = join(folder, `${systemd}-${Object.keys(CASES).indexOf(name)}`);
    mkdirSync(place);
    for (const [file, text] of Object.entries(unitsOf(one))) writeFileSync(join(place, file), text);
    const file = readUnitFile(join(place, 'accept@.service'), { systemd });
    const address = one.listen.startsWith('/') ? join(place, 'accept.sock') : '[::]:0';
    const sockets = file.unit.sockets.map((socket) => ({ ...socket, address }));
    const describeUnit = (_folder: string, instance?: string) =>
      instance === undefined ? { ...file.unit, sockets } : file.instantiate(instance);
    const unit = new ManagedUnit(describeUnit, {
      message() {},
      wrote() {},
      mainEnded() {},
      changed() {},
    });
    onTestFinished(() => unit.close());
    unit.open();
    unit.listen();
    const descriptor = inspect(unit.sockets[0]?.fd as number);
    const port =
      descriptor.kind === 'socket' && (descriptor.localAddress as { port?: number }).port;
    const at = one.listen.startsWith('/') ? address : String(port);
    const { stdout } = await promisify(execFile)('python3', ['-c', program(one.client), at]);
    expect(stdout.trimEnd()).toBe(expected(one, systemd, at));
  });
});
