// Unit files: what is not applied, what is unknown, and what is refused. test/manager/unit-file.test.ts compares the
// values with those of a real manager.
import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readUnitFile } from '../../lib/manager/unit-file.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { root } from '../support/tools.ts';

const parent = temporaryFolder();
let folders = 0;

/** Writes unit files into a folder of their own. Returns the path of the first one. */
function write(files: Readonly<Record<string, string>>): string {
  const folder = join(parent, String(folders++));
  const paths = Object.entries(files).map(([name, text]) => {
    const path = join(folder, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
    return path;
  });
  return paths[0] as string;
}

const service = (...lines: string[]) =>
  ['[Service]', 'ExecStart=/bin/true', ...lines, ''].join('\n');

test('what is not applied is listed with its place, and the service’s own sockets are not', () => {
  const path = write({
    'app.service': `[Unit]\nDescription=x\nAfter=a.target\nRequires=app.socket\nBindsTo=db.service\n${service('User=www', 'ProtectHome=yes', 'X-Mine=1', 'KillMode=mixed')}[Install]\nWantedBy=a.target\n`,
    'app.socket': '[Socket]\nListenStream=80\nSocketUser=www\n',
    'app.service.d/10.conf': '[Service]\nMemoryMax=1G\nExecStopPost=+/bin/true\nType=idle\n',
  });
  const { ignored, unknown, unit, sockets } = readUnitFile(path);
  expect(ignored.map(({ key, line }) => `${key}:${line}`)).toEqual([
    'BindsTo:5',
    'User:8',
    'ProtectHome:9',
    'MemoryMax:2',
    'ExecStopPost:3',
    'Type:4',
    'SocketUser:3',
  ]);
  expect(ignored[1]).toMatchObject({ section: 'Service', value: 'www', file: path });
  expect(ignored.map(({ why }) => why).slice(-4)).toEqual([
    'it is not applied here',
    'the prefix + is not applied here',
    'it is run as Type=simple',
    'it is not applied here',
  ]);
  expect(unknown).toEqual([]);
  expect(unit).toMatchObject({ name: 'app.service', type: 'simple', killMode: 'mixed' });
  expect(sockets.map(({ name }) => name)).toEqual(['app.socket']);
});

test('what came later than this systemd is unknown to it', () => {
  const path = write({
    'app.service': service('Type=notify-reload', 'ReloadSignal=SIGUSR1', 'RestartSteps=2'),
  });
  const old = readUnitFile(path, { systemd: 252 });
  expect(old.unknown.map(({ key, why }) => `${key}: ${why}`)).toEqual([
    'Type: notify-reload came with systemd 253',
    'ReloadSignal: it came with systemd 253, and this is 252',
    'RestartSteps: it came with systemd 254, and this is 252',
  ]);
  expect(old.unit).toMatchObject({ type: 'simple', reloadSignal: 'SIGHUP', systemd: 252 });
  expect(readUnitFile(path).unit).toMatchObject({ type: 'notify-reload', reloadSignal: 'SIGUSR1' });
});

test('a setting in the wrong section is unknown, and the right section is named', () => {
  const path = write({ 'app.service': service('ListenStream=80', 'Descripton=x') });
  expect(readUnitFile(path).unknown.map(({ why }) => why)).toEqual([
    'systemd has it in [Socket], and not in [Service]',
    'systemd has no such setting',
  ]);
});

test('sockets belong to a service by name, by Service=, by Sockets= and by template', () => {
  const listen = '[Socket]\nListenStream=80\n';
  const path = write({
    'app.service': service('Sockets=third.socket'),
    'app.socket': listen,
    'second.socket': `${listen}Service=app.service\nFileDescriptorName=two\n`,
    'third.socket': listen,
    'other.socket': listen,
    'app@x.socket': listen,
  });
  expect(readUnitFile(path).unit.sockets.map(({ name }) => name)).toEqual([
    'app.socket',
    'two',
    'third.socket',
  ]);
  const each = write({ 'app@.service': service(), 'app.socket': `${listen}Accept=yes\n` });
  expect(readUnitFile(each).unit).toMatchObject({ accept: true, sockets: [{ address: '80' }] });
});

describe('a unit file is refused', () => {
  test.each<[string, Readonly<Record<string, string>>, string]>([
    ['without ExecStart=', { 'a.service': '[Service]\n' }, 'it has no ExecStart='],
    ['with Type=forking', { 'a.service': service('Type=forking') }, "Type=forking can't be run"],
    [
      'with two commands of Type=oneshot',
      { 'a.service': service('Type=oneshot', 'ExecStart=/bin/false') },
      "several ExecStart= can't be run here",
    ],
    [
      'whose socket unit listens nowhere',
      { 'a.service': service(), 'a.socket': '[Socket]\n' },
      'a.socket: it has no Listen setting',
    ],
    [
      'with Accept=yes of datagrams',
      {
        'a.service': service(),
        'a.socket': '[Socket]\nListenDatagram=1\nAccept=yes\nService=a.service\n',
      },
      'Accept=yes needs sockets that accept connections',
    ],
    [
      'without its environment file',
      { 'a.service': service('EnvironmentFile=/nowhere/x') },
      "EnvironmentFile=: the file can't be read",
    ],
    [
      'that is a socket unit',
      { 'a.socket': '[Socket]\n' },
      'it is a socket unit; give a.service, whose socket units are found beside it',
    ],
    [
      'that is a socket unit of a template',
      { 'a.socket': '[Socket]\nAccept=yes\n' },
      'it is a socket unit; give a@.service,',
    ],
    [
      'that is a socket unit of another service',
      { 'a.socket': '[Socket]\nService=web.service\n' },
      'it is a socket unit; give web.service,',
    ],
    ['with a name of no unit', { 'a b.service': service() }, 'whose name ends with .service'],
  ])('%s', (_what, files, message) => {
    const path = write(files);
    const error = expect.objectContaining({
      code: 'ERR_SYSTEMD_UNIT_FILE',
      message: expect.stringContaining(message),
    });
    expect(() => readUnitFile(path)).toThrow(error);
  });

  test('that is missing or masked', () => {
    expect(() => readUnitFile(join(parent, 'no.service'))).toThrow(/there is no such file$/);
    const template = write({ 'echo@.service': service() });
    expect(() => readUnitFile(template.replace('@', ''))).toThrow(
      'there is no such file; give echo@.service, which is there',
    );
    symlinkSync('/dev/null', join(parent, 'masked.service'));
    expect(() => readUnitFile(join(parent, 'masked.service'))).toThrow('it is masked');
  });
});

test.each(['zero', 'fifo', 'folder', 'loop'])('what is no file is refused: %s', (kind) => {
  const path = join(temporaryFolder(), `${kind}.service`);
  if (kind === 'zero') symlinkSync('/dev/zero', path);
  if (kind === 'fifo') execFileSync('mkfifo', [path]);
  if (kind === 'folder') mkdirSync(path);
  if (kind === 'loop') symlinkSync(path, path);
  expect(() => readUnitFile(path)).toThrow(
    expect.objectContaining({
      message: expect.stringContaining(path),
      code: kind === 'loop' ? 'ELOOP' : 'ERR_SYSTEMD_UNIT_FILE',
    }),
  );
});

test('a FIFO in EnvironmentFile= or in the place of a socket unit is not read', () => {
  const folder = temporaryFolder();
  const fifo = join(folder, 'other.socket');
  execFileSync('mkfifo', [fifo]);
  const path = join(folder, 'app.service');
  writeFileSync(path, `[Service]\nExecStart=/bin/true\nEnvironmentFile=${fifo}\n`);
  expect(() => readUnitFile(path)).toThrow(/EnvironmentFile=.*it is no file, but .* a FIFO/);
  expect(readUnitFile(path, { skipsEnvironmentFiles: true }).unit.sockets).toEqual([]);
});

test.each([
  ['hello', 'notify', ['hello.socket']],
  ['hardened', 'notify', ['hardened.socket']],
  ['adapted-daemon', 'notify', ['http', 'https', 'admin', 'statsd']],
])('the units of examples/%s are read without a remark on a line', (name, type, names) => {
  const { unit, unknown } = readUnitFile(join(root, `examples/${name}/${name}.service`));
  expect(unknown).toEqual([]);
  expect(unit.type).toBe(type);
  expect(unit.sockets.map((socket) => socket.name).sort()).toEqual(names.toSorted());
});
