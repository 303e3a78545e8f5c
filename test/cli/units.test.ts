// `npx libsystemd units`: the files, and what is refused. test/manager/units.test.ts starts them.
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readUnitFile } from '../../lib/manager/unit-file.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { root } from '../support/tools.ts';
import { cli } from './run.ts';

const parent = temporaryFolder();
let folders = 0;

function emptyFolder(): string {
  const folder = join(parent, String(folders++));
  mkdirSync(folder);
  return folder;
}

const APP = ['units', '--name', 'app', '--exec', '/usr/bin/node /opt/app/server.mjs'];

/** The settings of a unit's text, without comments and sections. */
const settings = (text: string): string[] => text.split('\n').filter((line) => /^[A-Z]/.test(line));

interface Answer {
  readonly files: readonly { readonly name: string; readonly text: string }[];
  readonly written: readonly string[];
  readonly score?: { readonly exposure: number; readonly word: string };
  readonly objections?: readonly string[];
  readonly unchecked?: { readonly systemd: number; readonly settings: readonly string[] };
  readonly missing: readonly { readonly what: string }[];
}

function dryRun(...args: string[]): Answer {
  const { stdout, stderr, status } = cli([...APP, '--dry-run', '--json', ...args], { cwd: parent });
  expect({ stderr, status }).toEqual({ stderr: '', status: 0 });
  return JSON.parse(stdout);
}

const textOf = (answer: Answer, name: string): string =>
  answer.files.find((file) => file.name === name)?.text ?? '';

test('the service has the settings of the hardened example, each below a comment', () => {
  const answer = dryRun('--listen', 'http=80');
  const example = readFileSync(join(root, 'examples/hardened/hardened.service'), 'utf8');
  const text = textOf(answer, 'app.service');
  const changed = /^(?:Description|ExecStart|StateDirectory|Requires|Also)=/;
  const rest = (lines: string[]) => lines.filter((line) => !changed.test(line));
  expect(rest(settings(text))).toEqual(rest(settings(example)));
  expect(settings(text)).toEqual(
    expect.arrayContaining(['ExecStart=/usr/bin/node /opt/app/server.mjs', 'StateDirectory=app']),
  );
  expect(text).not.toContain('MemoryDenyWriteExecute');
  for (const { text: each } of answer.files) {
    expect(each.match(/^[A-Z].*$/gm)?.length).toBe(each.match(/^# .*\n[A-Z].*$/gm)?.length);
  }
});

test.each([
  ['as it is', [], 1.1, 'OK'],
  ['without a network', ['--no-network'], 0.2, 'SAFE'],
  ['with a user', ['--user', 'www-data'], 1.1, 'OK'],
])('systemd-analyze has no objections, and rates it %s', (_how, args, exposure, word) => {
  const { score, objections } = dryRun('--listen', '8080', ...args);
  expect({ score, objections }).toEqual({ score: { exposure, word }, objections: [] });
});

test.each([
  [[], 'notify'],
  [['--systemd', '252'], 'notify'],
  [['--systemd', '253'], 'notify-reload'],
  [['--systemd', 'v262'], 'notify-reload'],
])('with %j the type is %s', (args, type) => {
  expect(settings(textOf(dryRun(...args), 'app.service'))).toContain(`Type=${type}`);
});

test('each name of sockets has a socket unit, and the files read as meant', () => {
  const folder = emptyFolder();
  const listen = [
    'http=[::]:80',
    'http=127.0.0.1:81',
    'admin=unix:/run/a%n.sock',
    'udp://[::1]:53',
  ];
  const args = listen.flatMap((address) => ['--listen', address]);
  const { stdout, stderr, status } = cli([...APP, '--out', folder, ...args]);
  expect({ stderr, status }).toEqual({ stderr: '', status: 0 });
  expect(stdout).toContain(
    'sudo systemctl enable --now app-http.socket app-admin.socket app.socket',
  );
  const { unit, unknown } = readUnitFile(join(folder, 'app.service'));
  expect(unknown).toEqual([]);
  expect(
    unit.sockets.map(({ name, kind, address }) => `${name} ${kind} ${address}`).sort(),
  ).toEqual([
    'admin stream /run/a%n.sock',
    'app.socket datagram [::1]:53',
    'http stream 127.0.0.1:81',
    'http stream [::]:80',
  ]);
});

test('a module that node loads before the script is looked for where the command is called', () => {
  const exec = ['--exec', `node --import libsystemd/auto bin/www.js`];
  const call = (cwd: string) => cli(['units', '--name', 'app', ...exec, '--dry-run'], { cwd });
  const { stdout } = call('/usr/share');
  expect(settings(stdout)).toEqual(
    expect.arrayContaining([
      'ExecStart=/usr/bin/node --import libsystemd/auto /usr/share/bin/www.js',
      'WorkingDirectory=/usr/share',
    ]),
  );
  expect(settings(textOf(dryRun(), 'app.service')).join()).not.toContain('WorkingDirectory');
  expect(call('/tmp')).toMatchObject({
    status: 2,
    stderr: expect.stringContaining('PrivateTmp=yes'),
  });
});

test('a service without sockets starts at boot', () => {
  const { files } = dryRun();
  expect(files.map(({ name }) => name)).toEqual(['app.service']);
  expect(settings(files[0]?.text ?? '')).toContain('WantedBy=multi-user.target');
});

test('words of the command stay as they are', () => {
  const words = ['--a', 'two  words', '$HOME', '100%', 'quo"te', 'back\\slash', ';', '', "it's"];
  const exec = [
    '/usr/bin/node',
    ...words.map((word) => `"${word.replace(/["\\]/g, '\\$&')}"`),
  ].join(' ');
  const folder = emptyFolder();
  expect(cli(['units', '--name', 'w', '--exec', exec, '--out', folder]).status).toBe(0);
  const { argv } = readUnitFile(join(folder, 'w.service')).unit.start;
  expect(argv.slice(1).map((word) => word.replaceAll('$$', '$'))).toEqual(words);
});

test('files that exist are replaced with --force alone, and otherwise nothing is written', () => {
  const folder = emptyFolder();
  const args = [...APP, '--listen', '80', '--out', folder];
  writeFileSync(join(folder, 'app.socket'), 'mine');
  const refused = cli(args);
  expect(refused).toMatchObject({ stdout: '', status: 1 });
  expect(refused.stderr).toBe(
    `libsystemd units: ${folder}/app.socket exists already; --force replaces it\n`,
  );
  expect(readdirSync(folder)).toEqual(['app.socket']);
  expect(readFileSync(join(folder, 'app.socket'), 'utf8')).toBe('mine');
  writeFileSync(join(folder, 'app.service'), 'mine');
  expect(cli(args).stderr).toBe(
    `libsystemd units: ${folder}/app.service and ${folder}/app.socket exist already; --force replaces them\n`,
  );
  expect(cli([...args, '--force']).status).toBe(0);
  expect(readdirSync(folder).sort()).toEqual(['app.service', 'app.socket']);
  expect(readFileSync(join(folder, 'app.socket'), 'utf8')).toContain('ListenStream=127.0.0.1:80');
});

describe('socket units of an earlier run', () => {
  const two = ['--listen', 'http=80', '--listen', 'admin=81'];
  const run = (folder: string, ...args: string[]) =>
    cli([...APP, '--out', folder, '--force', ...args]);

  test('are removed with --force, because they would go on to start the service', () => {
    const folder = emptyFolder();
    run(folder, ...two);
    const { stdout, status } = run(folder, '--listen', 'http=80');
    expect(status).toBe(0);
    expect(readdirSync(folder).sort()).toEqual(['app.service', 'app.socket']);
    for (const name of ['app-admin.socket', 'app-http.socket'])
      expect(stdout).toContain(`✓ removed ${folder}/${name}, of an earlier run\n`);
    expect(stdout).toContain('  sudo systemctl disable --now app-admin.socket app-http.socket\n');
  });

  test('are named, and stay, when somebody else has written them, or they start another service', () => {
    const folder = emptyFolder();
    run(folder, ...two);
    const other = '[Socket]\nListenStream=82\nService=other.service\n';
    writeFileSync(join(folder, 'app-other.socket'), other);
    writeFileSync(join(folder, 'mine.socket'), other.replace('other', 'app'));
    const { stdout } = run(folder, ...two);
    expect(stdout).toContain(`! ${folder}/mine.socket starts this service, too: remove it\n`);
    expect(stdout).not.toContain('app-other.socket');
    expect(readdirSync(folder)).toHaveLength(5);
  });
});

describe('what this machine does not have', () => {
  test('a user and a script are named, with what to do', () => {
    const folder = emptyFolder();
    const args = ['--listen', '80', '--user', 'no-such-user', '--out', folder];
    const { stdout, status } = cli([...APP, ...args]);
    const add = 'sudo useradd --system --no-create-home --shell /usr/sbin/nologin no-such-user';
    expect(status).toBe(0);
    expect(stdout).toContain('! /opt/app/server.mjs does not exist here: copy it there before');
    const what = '! the user no-such-user does not exist here: ';
    expect(stdout).toContain(`${what}the first command below makes it\n`);
    expect(cli([...APP, ...args, '--dry-run']).stderr).toContain(`${what}${add}\n`);
    expect(stdout).toContain(`Next:\n  ${add}\n`);
  });

  test('a user that exists needs no word', () => {
    expect(dryRun('--user', 'www-data').missing).toHaveLength(1); // the script
  });

  test('a program is refused, but for another machine', () => {
    const args = ['units', '--name', 'app', '--exec', '/opt/node/bin/node /opt/app/x.mjs'];
    const refused = cli([...args, '--dry-run']);
    expect(refused).toMatchObject({ stdout: '', status: 2 });
    expect(refused.stderr).toBe(
      'libsystemd units: --exec: /opt/node/bin/node does not exist; for another machine, name its release: --systemd 257\n',
    );
    const { stdout, stderr, status } = cli([...args, '--dry-run', '--systemd', '252']);
    expect(status).toBe(0);
    expect(stdout).toContain('ExecStart=/opt/node/bin/node /opt/app/x.mjs\n');
    expect(stderr).toContain('✓ systemd-analyze verify: no objections\n');
    expect(stderr).toContain('! /opt/node/bin/node does not exist here: install it\n');
  });

  test('a file that is no program is refused', () => {
    const { stderr, status } = cli([
      'units',
      '--name',
      'app',
      '--exec',
      '/etc/passwd',
      '--dry-run',
    ]);
    expect(status).toBe(2);
    expect(stderr).toContain("--exec: /etc/passwd can't be executed (chmod +x)");
  });

  test('a setting that is newer than its systemd is no objection, and not checked', () => {
    const { objections, unchecked } = dryRun('--systemd', '9999');
    expect(objections).toEqual([]);
    const [release = ''] =
      /\d+/.exec(execFileSync('systemctl', ['--version'], { encoding: 'utf8' })) ?? [];
    if (Number(release) >= 253) expect(unchecked).toBeUndefined();
    else expect(unchecked).toEqual({ systemd: Number(release), settings: ['Type=notify-reload'] });
  });
});

test('a folder with a blank is in quotes in the commands to copy', () => {
  const folder = join(emptyFolder(), 'my units');
  mkdirSync(folder);
  const { stdout } = cli([...APP, '--out', folder]);
  expect(stdout).toContain(`  sudo cp '${folder}/app.service' /etc/systemd/system/\n`);
});

test('a masked unit is replaced with --force, and /dev/null stays a device', () => {
  const folder = emptyFolder();
  symlinkSync('/dev/null', join(folder, 'app.service'));
  expect(cli([...APP, '--out', folder]).status).toBe(1);
  expect(cli([...APP, '--out', folder, '--force']).status).toBe(0);
  expect(readFileSync(join(folder, 'app.service'), 'utf8')).toContain('[Service]');
  expect(readFileSync('/dev/null', 'utf8')).toBe('');
});

test('when the second file can’t be written, the first one is not there either', () => {
  const folder = emptyFolder();
  mkdirSync(join(folder, 'app.socket'));
  const { stderr, status } = cli([...APP, '--listen', '80', '--out', folder, '--force']);
  expect(status).toBe(1);
  expect(stderr).toMatch(/^libsystemd units: nothing was written: .*\n$/);
  expect(readdirSync(folder)).toEqual(['app.socket']);
});

test('--dry-run prints the files on standard output alone, and writes none', () => {
  const folder = emptyFolder();
  const { stdout, stderr } = cli([...APP, '--dry-run'], { cwd: folder });
  expect(stdout).toMatch(/^# app\.service\n\[Unit\]\n/);
  expect(stdout).not.toContain('systemd-analyze');
  expect(stderr).toContain('systemd-analyze verify: no objections');
  expect(readdirSync(folder)).toEqual([]);
});

test('node is written by its real path', () => {
  const folder = emptyFolder();
  const link = join(folder, 'node');
  symlinkSync(process.execPath, link);
  const env = { ...process.env, PATH: `${folder}:${process.env['PATH']}` };
  const args = ['units', '--name', 'n', '--exec', 'node server.mjs', '--dry-run'];
  const { stdout } = cli(args, { cwd: '/opt', env });
  expect(stdout).toContain(`ExecStart=${process.execPath} /opt/server.mjs\n`);
});

describe('wrong input is refused in one line, with exit code 2', () => {
  test.each([
    [['--exec', 'node x.mjs'], '--name NAME is missing'],
    [['--name', 'app'], "such as --exec 'node /opt/app/server.mjs'"],
    [['--name', '../x'], "'../x' can't be the name of a unit"],
    [['--name', 'a@b'], "'a@b' can't be the name of a unit"],
    [['--name', 'app', '--exec', 'npm start'], 'npm would stand between systemd and node'],
    [['--name', 'app', '--exec', 'node --import tsx /usr/bin/npm run x'], 'npm would stand'],
    [['--name', 'app', '--exec', '/bin/sh -c x'], 'sh would stand between'],
    [['--name', 'app', '--exec', 'node "x'], 'the quote " is not closed'],
    [['--name', 'app', '--exec', 'no-such-program'], "PATH has no 'no-such-program'"],
    [['--name', 'app', '--exec', '/root/.nvm/node x.mjs'], 'ProtectHome=yes hides /root'],
    [['--name', 'app', '--exec', '/usr/bin/node /home/u/x.mjs'], 'ProtectHome=yes hides /home'],
    [['--name', 'app', '--exec', '/usr/bin/node /tmp/x.mjs'], 'PrivateTmp=yes'],
    [[...APP.slice(1), '--listen', 'localhost:80'], 'write 127.0.0.1:80 or [::1]:80'],
    [[...APP.slice(1), '--listen', 'http=tcp'], "'tcp' leaves the address open"],
    [[...APP.slice(1), '--listen', '0'], 'port 0 is another port at each start'],
    [
      [...APP.slice(1), '--listen', 'a/b=80', '--listen', '81'],
      "'a/b' becomes a part of a file's name",
    ],
    [
      [...APP.slice(1), '--listen', '8080', '--listen', 'tcp://127.0.0.1:8080'],
      '8080, and the same unit listens on 127.0.0.1:8080: only one of them can be opened',
    ],
    [
      [...APP.slice(1), '--listen', 'a=[::]:80', '--listen', 'b=0.0.0.0:80'],
      'ListenStream=0.0.0.0:80, and app-a.socket listens on [::]:80, which is every IPv4 address too',
    ],
    [[...APP.slice(1), '--systemd', '246'], 'is no release from 247 on'],
    [[...APP.slice(1), '--user', 'a b'], "'a b' can't be the name of a user"],
    [[...APP.slice(1), '--out', '/no/such/folder'], "'/no/such/folder' is no folder"],
    [[...APP.slice(1), 'word'], "'word' is no option"],
    [[...APP.slice(1), '--', 'node'], 'nothing goes after --'],
    [['--name', '--exec', 'x'], '--name needs a value, and --exec follows it'],
  ])('%j', (args, message) => {
    const { stdout, stderr, status } = cli(['units', ...args], { cwd: parent });
    expect({ stdout, status }).toEqual({ stdout: '', status: 2 });
    expect(stderr).toMatch(/^libsystemd units: [^\n]*\n$/);
    expect(stderr).toContain(message);
    expect(existsSync(join(parent, 'app.service'))).toBe(false);
  });
});
