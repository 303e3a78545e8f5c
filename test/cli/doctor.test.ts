// `npx libsystemd doctor` and diagnose() where no systemd runs. test/manager/doctor.test.ts asks a real manager.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, expectTypeOf, test } from 'vitest';
import { FINDING_CODES } from '../../lib/doctor/codes.ts';
import { diagnose, type Finding, type FindingCode } from '../../lib/doctor.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { root } from '../support/tools.ts';
import { HEALTHY } from './healthy-units.ts';
import { cli, cliInTerminal } from './run.ts';

const folder = temporaryFolder();

function write(name: string, ...lines: string[]): string {
  const path = join(folder, name);
  writeFileSync(path, ['[Service]', 'ExecStart=/usr/bin/node server.mjs', ...lines, ''].join('\n'));
  return path;
}

test('the units of the hardened example are in order', () => {
  const { stdout, stderr, status } = cli([
    'doctor',
    join(root, 'examples/hardened/hardened.service'),
  ]);
  expect({ stderr, status }).toEqual({ stderr: '', status: 0 });
  expect(stdout).not.toContain('✖');
  expect(stdout).toContain('✓ systemd-analyze security: 1.1 OK\n');
});

test('a fault is marked, and the exit code is 1', () => {
  const { stdout, status } = cli(['doctor', write('faulty.service', 'MemoryDenyWriteExecute=yes')]);
  expect(status).toBe(1);
  expect(stdout).toContain(
    '✖ Type=simple: systemd does not wait until the program serves\n      Type=notify\n',
  );
  expect(stdout).toContain('      MemoryDenyWriteExecute=no\n');
});

test('text of the unit file does not reach a terminal as it is', () => {
  const file = write('evil.service', 'X\u001b]0;owned\u0007=\u009b31m', 'User=\u202etxt');
  for (const args of [
    ['doctor', file],
    ['doctor', file, '--json'],
  ]) {
    expect(cli(args).stdout.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}]/u);
  }
  const shown = cliInTerminal(['doctor', file]);
  expect(shown).toContain('\\x1b]0;owned\\x07');
  expect(shown).not.toContain('\u001b]0');
});

test('a script without its first line is a fault', () => {
  const script = join(folder, 'script');
  writeFileSync(script, 'exec node x.mjs\n', { mode: 0o755 });
  const { stdout } = cli(['doctor', write('script.service', 'ExecStart=', `ExecStart=${script}`)]);
  expect(stdout.replace(/\n +/g, ' ')).toContain(
    `✖ ${script} can't be executed, and ends with 203/EXEC: it is text, and its first line`,
  );
});

test('a module that node does not find from the working directory is named', () => {
  const preloads = '--import libsystemd/auto --require=./first.cjs --import node:fs -r /etc/x.cjs';
  const command = ['ExecStart=', `ExecStart=/usr/bin/node ${preloads} -r ./last.cjs x.mjs -r no`];
  const missing = (name: string, ...lines: string[]) => {
    const { stdout } = cli(['doctor', write(name, ...command, ...lines)]);
    return stdout.match(/\S+ is not found from \S+/g);
  };
  expect(missing('preloaded.service')).toEqual([
    'libsystemd/auto is not found from /:',
    './first.cjs is not found from /:',
    './last.cjs is not found from /:',
  ]);
  writeFileSync(join(folder, 'first.cjs'), '');
  expect(missing('placed.service', `WorkingDirectory=${folder}`)).toEqual([
    expect.stringMatching(/^libsystemd\/auto/),
    expect.stringMatching(/^\.\/last\.cjs/),
  ]);
  expect(missing('found.service', `WorkingDirectory=${root}`)).not.toContain('libsystemd/auto');
});

test('an instance is read from its template, and needs no file of its own', () => {
  writeFileSync(join(folder, 'app@.service'), '[Service]\nType=notify\nExecStart=/bin/true %i\n');
  const { stdout, stderr } = cli(['doctor', join(folder, 'app@eu.service')]);
  expect(stdout + stderr).toContain('app@eu.service: systemd knows every setting');
});

test.each([
  [['doctor', '/no/such.service'], "there is no file '/no/such.service'"],
  [['doctor', 'a.service', 'b.service'], "one file is expected, and 'b.service' is another"],
  [['doctor', '--unit', 'x', 'a.service'], 'either --unit or a file'],
  [['doctor', '--unit'], '--unit needs a value'],
  [['doctor', '--unit', 'app.socket'], "--unit 'app.socket': it must be the name of a service"],
])('%j is wrong input: one line, and exit code 2', (args, message) => {
  const { stdout, stderr, status } = cli(args);
  expect({ stdout, status }).toEqual({ stdout: '', status: 2 });
  expect(stderr).toMatch(/^libsystemd doctor: [^\n]*\n$/);
  expect(stderr).toContain(message);
});

test('a file that is no service is a finding', () => {
  const { stdout, status } = cli(['doctor', join(root, 'examples/hello/hello.socket'), '--json']);
  expect(status).toBe(1);
  expect(stdout).toContain('it is a socket unit; give hello.service');
});

const codes = Object.keys(FINDING_CODES).sort();

test('docs/cli.md has the table of codes, and the type of a code is their union', () => {
  const section = readFileSync(join(root, 'docs/cli.md'), 'utf8').split('## doctor')[1] ?? '';
  const rows = [...section.matchAll(/^\| `([\w-]+)` \| (.*) \|$/gm)];
  expect(Object.fromEntries(rows.map(([, code, what]) => [code, what]))).toEqual(FINDING_CODES);
  expect(rows.map(([, code]) => code)).toEqual(codes);
  expectTypeOf<Finding['code']>().toEqualTypeOf<FindingCode>();
  expectTypeOf<'no-such-code'>().not.toExtend<FindingCode>();
});

test('lib/doctor has a finding of each code', () => {
  const lib = join(root, 'lib/doctor');
  const sources = readdirSync(lib, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && file !== 'codes.ts')
    .map((file) => readFileSync(join(lib, file), 'utf8'))
    .join('\n');
  const used = [...sources.matchAll(/(?:good|bad|advice)\)?\(\s*'([\w-]+)'/g)];
  expect([...new Set(used.map(([, code]) => code))].sort()).toEqual(codes);
});

test.each<[unknown, string, string]>([
  [null, 'ERR_INVALID_ARG_TYPE', 'The "options" argument must be of type object'],
  ['app', 'ERR_INVALID_ARG_TYPE', 'The "options" argument must be of type object'],
  [{ unit: 1 }, 'ERR_INVALID_ARG_TYPE', 'The "options.unit" argument must be of type string'],
  [{ file: true }, 'ERR_INVALID_ARG_TYPE', 'The "options.file" argument must be of type string'],
  [{ units: 'app' }, 'ERR_INVALID_ARG_VALUE', 'an option of diagnose(): "unit", perhaps'],
  [{ unit: 'app', file: 'a.service' }, 'ERR_INVALID_ARG_VALUE', 'left out where options.unit is'],
  [{ unit: '' }, 'ERR_INVALID_ARG_VALUE', 'the name of a service'],
  [{ unit: '../etc/app' }, 'ERR_INVALID_ARG_VALUE', 'the name of a service'],
  [{ unit: 'app.socket' }, 'ERR_INVALID_ARG_VALUE', 'the name of a service'],
  [{ unit: 'app@' }, 'ERR_INVALID_ARG_VALUE', 'the name of an instance'],
  [{ file: '' }, 'ERR_INVALID_ARG_VALUE', 'the path of a unit file'],
  [{ file: 'a\0.service' }, 'ERR_INVALID_ARG_VALUE', 'the path of a unit file'],
])(
  'diagnose(%j) rejects with a TypeError that says what was expected',
  async (options, code, text) => {
    const error = await diagnose(options as object).catch((reason) => reason);
    expect(error).toBeInstanceOf(TypeError);
    expect(error).toMatchObject({ code, message: expect.stringContaining(text) });
  },
);

async function faultsIn(file: string): Promise<string[]> {
  const { findings } = await diagnose({ file });
  return findings.filter(({ level }) => level === 'bad').map(({ message }) => message);
}

test.each<[string, string, 'bad' | 'advice' | undefined]>([
  ['TasksMax=6', 'TasksMax=6: threads count, and Node has 11', 'bad'],
  ['TasksMax=7', 'TasksMax=7: threads count, and Node has 11', 'advice'],
  ['TasksMax=11', 'TasksMax', undefined],
  ['TasksMax=1%', 'TasksMax', undefined],
  ['TasksMax=6\nEnvironment=NODE_OPTIONS=--v8-pool-size=1', 'TasksMax', undefined],
  ['MemoryMax=20M', 'MemoryMax=20M: Node is killed at its start', 'bad'],
  ['MemoryMax=50M', 'MemoryMax=50M is little', 'advice'],
  ['MemoryMax=64M\nMemoryHigh=infinity', 'Memory', undefined],
  ['MemoryHigh=20M', 'MemoryHigh=20M is little', 'advice'],
])('a limit of a service of Node: %j', async (line, message, level) => {
  const file = write('limit.service', ...line.split('\n'));
  const { findings } = await diagnose({ file });
  const about = findings.filter((one) => one.code === 'limit' && one.message.includes(message));
  expect(about.map((one) => one.level)).toEqual(level === undefined ? [] : [level]);
});

test.each(Object.entries(HEALTHY))('a sound unit has no ✖: %s', async (name, files) => {
  const place = join(folder, name.replace(/\W+/g, '-'));
  mkdirSync(place);
  for (const [file, text] of Object.entries(files)) writeFileSync(join(place, file), text);
  expect(await faultsIn(join(place, Object.keys(files)[0] as string))).toEqual([]);
});

test.each([
  ...[
    'adapted-daemon/adapted-daemon',
    'frameworks/frameworks@',
    'hello/hello',
    'hardened/hardened',
  ],
  ...['http-on-demand/http-on-demand@', 'http-on-demand/http-on-demand-fd3@', 'ipc/ipc-server'],
  ...['ipc/ipc-client', 'journal-echo/journal-echo@', 'sticky-chat/sticky-chat'],
])('the unit of an example has no ✖: %s', async (name) => {
  expect(await faultsIn(join(root, `examples/${name}.service`))).toEqual([]);
});

test.each([
  ['plain', []],
  ['with a user', ['--user', 'daemon']],
  ['without a network', ['--no-network']],
])('units that `units` has written have no ✖: %s', async (what, args) => {
  const out = join(folder, `units ${what}`);
  mkdirSync(out);
  const written = cli([
    ...['units', '--name', 'app', '--listen', 'http=8080', '--listen', 'admin=unix:/run/app.sock'],
    ...[
      '--exec',
      `/usr/bin/node ${join(root, 'examples/hello/server.mjs')}`,
      '--out',
      out,
      ...args,
    ],
  ]);
  expect(written).toMatchObject({ status: 0 });
  expect(await faultsIn(join(out, 'app.service'))).toEqual([]);
});

test('where systemd is not installed, what only systemd knows is no fault', () => {
  const file = write('alone.service', 'Type=notify', '[Unit]', 'Requires=postgresql.service');
  const script =
    'mount -t tmpfs t /usr/lib/systemd && mount -t tmpfs t /etc/systemd && PATH=/no exec "$@"';
  const command = [process.execPath, join(root, 'dist/cli.js'), 'doctor', file];
  const { stdout, stderr } = spawnSync(
    'unshare',
    ['--mount', 'sh', '-c', script, 'sh', ...command],
    {
      encoding: 'utf8',
    },
  );
  expect({ stderr, faults: stdout.match(/^✖.*/gm) }).toEqual({ stderr: '', faults: null });
  expect(stdout).toContain('· systemd is not installed here: only the files were read\n');
  expect(stdout.replace(/\n +/g, ' ')).toContain(
    'Requires=postgresql.service of alone.service: systemd is not installed here',
  );
});
