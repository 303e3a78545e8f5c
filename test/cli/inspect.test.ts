// `libsystemd inspect`, of processes that have a descriptor of every kind.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { describeInBed } from '../manager/bed.ts';
import { EveryKind, type Kind } from '../support/descriptors.ts';
import { type Launched, type LaunchOptions, spawnLaunched } from '../support/launch.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { tool } from '../support/tools.ts';
import { cli, cliInTerminal, PROGRAM } from './run.ts';

const NOBODY = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'];

interface Ending {
  readonly stdout: string;
  readonly stderr: string;
  readonly code: number | null;
}

/** Runs `libsystemd inspect`, behind the words of `prefix`. */
async function inspect(args: readonly string[], prefix: readonly string[] = []): Promise<Ending> {
  const [program = '', ...rest] = [...prefix, process.execPath, PROGRAM, 'inspect', ...args];
  const child = spawn(program, rest, { stdio: ['ignore', 'pipe', 'pipe'] });
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close') as Promise<[number | null]>,
  ]);
  return { stdout, stderr, code };
}

const every = new EveryKind();
afterAll(() => every[Symbol.dispose]());

/** What the process itself finds, and what `inspect --pid` of it prints as JSON, by each of the ways. */
interface Found {
  readonly own: readonly object[];
  readonly copies: string;
  readonly tables: string;
}

const COMPARE = `
  import { execFileSync } from 'node:child_process';
  const json = (...prefix) => {
    const [program, ...args] = [...prefix, process.execPath, PROGRAM, 'inspect', '--pid', process.pid, '--json'];
    return execFileSync(program, args.map(String), { encoding: 'utf8' });
  };
  const own = passed.map((fd) => ({ ...libsystemd.inspect(fd), queue: libsystemd.acceptQueue(fd) }));
  result({ own, copies: json(), tables: json(REFUSE, 'pidfd_getfd', 'EPERM', '--') });
`;

let found: Found;

beforeAll(async () => {
  const values = {
    passed: every.kinds.map((kind) => every.fd(kind)),
    PROGRAM,
    REFUSE: tool('refuse'),
  };
  const constants = Object.entries(values).map(
    ([name, value]) => `const ${name} = ${JSON.stringify(value)};`,
  );
  found = (await every.run(constants.join('') + COMPARE)) as Found;
});

interface Row {
  readonly fd: number;
  readonly flags: object;
  readonly name?: string;
  readonly path?: string;
}

interface Json {
  readonly by?: string;
  readonly why?: string;
  readonly note?: string;
  readonly descriptors: readonly Row[];
}

/** The same as JSON writes it: bytes as hexadecimal digits, without fields that are undefined. */
const asJson = (value: object): object =>
  JSON.parse(
    JSON.stringify(value, (_, field: unknown) =>
      field instanceof Uint8Array ? Buffer.from(field).toString('hex') : field,
    ),
  );

/** Without the flags and the name; and without the name of a pipe, which inspect() leaves out. */
function facts({ flags: _, name: __, path, ...rest }: Row): object {
  return path === undefined || path.startsWith('pipe:') ? rest : { ...rest, path };
}

function pair(way: 'copies' | 'tables', kind: Kind, ctx: { skip(reason: string): never }) {
  const reason = every.lacking.get(kind);
  if (reason !== undefined) ctx.skip(reason);
  const { descriptors } = JSON.parse(found[way]) as Json;
  const row = descriptors.find(({ fd }) => fd === every.fd(kind)) as Row;
  return { row: facts(row), own: asJson(found.own[every.kinds.indexOf(kind)] as object) };
}

/** The fields that the kernel's tables do not tell, and what stands for them. Undefined: the field is absent. */
const UNTOLD: Partial<Record<Kind, Record<string, unknown>>> = {
  'tcp6 link-local': { localAddress: expect.objectContaining({ family: 'inet6', scopeId: 0 }) },
  'unix abstract bytes': {
    localAddress: expect.objectContaining({ family: 'unix', abstract: `${every.folder}@\ufffd` }),
  },
  netlink: { peerAddress: undefined },
};

/** The sockets that are in no table which is read: those of other families, and TCP sockets that do nothing yet. */
const UNLISTED: readonly Kind[] = ['tcp bound', 'vsock', 'packet'];

describe('tells of another process what inspect() tells in it', () => {
  test.for(every.kinds)('%s, by a copy', (kind, ctx) => {
    const { row, own } = pair('copies', kind, ctx);
    expect(row).toEqual(own);
  });

  test.for(every.kinds.filter((kind) => !UNLISTED.includes(kind)))(
    '%s, by the tables of the kernel',
    (kind, ctx) => {
      const { row, own } = pair('tables', kind, ctx);
      expect(row).toEqual({ ...own, ...UNTOLD[kind] });
    },
  );

  test.for(UNLISTED)('only that it is a socket: %s, by the tables of the kernel', (kind, ctx) => {
    const { row } = pair('tables', kind, ctx);
    const path = expect.stringMatching(/^socket:\[\d+\]$/);
    expect(row).toEqual({ fd: every.fd(kind), kind: 'other', path });
  });
});

const sleepers = new Set<Launched>();
afterAll(() => {
  for (const child of sleepers) child.kill('SIGKILL');
});

/** Starts a process with these descriptors, which ends with the tests. Its standard output is a socket of Node's. */
async function sleeperWith(
  specs: readonly string[],
  options: LaunchOptions = {},
): Promise<Launched> {
  const child = spawnLaunched(specs, ['sleep', '600'], options);
  sleepers.add(child);
  // exec(3) comes last.
  const started = () => readFileSync(`/proc/${child.pid}/comm`, 'utf8');
  await expect.poll(started, { timeout: 20_000 }).toBe('sleep\n');
  return child;
}

const folder = temporaryFolder();

/** The cells of the row of each fd, in the order of the titles. */
function cells(stdout: string): Map<number, Record<string, string>> {
  const [, head = '', ...lines] = stdout.split('\n');
  const titles = [...head.matchAll(/(\S+) */g)].map(({ 1: title = '', index }) => ({
    title,
    index,
  }));
  const row = (line: string) =>
    titles.map(({ title, index }, i) => {
      // The first column stands right, so its cells begin before its title.
      const cell = line.slice(i === 0 ? 0 : index, titles[i + 1]?.index);
      return [title, cell.trim()];
    });
  return new Map(
    lines
      .filter((line) => /^ *\d/.test(line))
      .map((line) => [Number.parseInt(line, 10), Object.fromEntries(row(line))]),
  );
}

describe('the table', () => {
  test('has a row for each descriptor, with names, queue and flags', async () => {
    const path = join(folder, 'app.sock');
    const specs = ['tcp:127.0.0.1:0,backlog=7', `unix:${path}`, 'udp:127.0.0.1:0', 'pipe', 'epoll'];
    const { pid } = await sleeperWith(specs, { names: 'http:admin:dns:pipe:poll' });
    const { stdout, code } = await inspect(['--pid', String(pid)]);
    const lines = stdout.trimEnd().split('\n');
    expect(lines[0]).toBe(`Process ${pid}: sleep 600`);
    expect(lines[1]).toMatch(/^ +FD +NAME +KIND +LOCAL +PEER +QUEUE +FLAGS$/);
    expect(lines.at(-1)).toBe('Sockets: inspected as copies of them (pidfd_getfd)');
    const port = expect.stringMatching(/^127\.0\.0\.1:\d+$/);
    const row = (
      FD: number,
      NAME: string,
      KIND: string,
      LOCAL: unknown,
      QUEUE = '',
      FLAGS = 'inherit',
    ) => [FD, { FD: String(FD), NAME, KIND, LOCAL, PEER: '', QUEUE, FLAGS }] as const;
    const found = cells(stdout);
    expect([...found].filter(([fd]) => fd > 2 && fd < 512)).toEqual([
      row(3, 'http', 'tcp listener', port, '0/7'),
      row(4, 'admin', 'unix listener', path, '0/4096'),
      row(5, 'dns', 'udp', port),
      row(6, 'pipe', 'pipe', expect.stringMatching(/^pipe:\[\d+\]$/), '', 'r inherit'),
      row(7, 'poll', 'eventpoll', '', '', 'rw inherit'),
    ]);
    expect(found.get(0)).toMatchObject({ KIND: 'device', LOCAL: '/dev/null', FLAGS: 'r inherit' });
    expect(code).toBe(0);
  });

  test('counts the connections that wait', async () => {
    const { pid } = await sleeperWith(['tcp:127.0.0.1:0,backlog=7'], { names: 'http' });
    const args = ['--pid', String(pid)];
    const local = cells((await inspect(args)).stdout).get(3)?.['LOCAL'] ?? '';
    const client = createConnection(Number(local.split(':')[1]), '127.0.0.1');
    await once(client, 'connect');
    expect(cells((await inspect(args)).stdout).get(3)).toMatchObject({ QUEUE: '1/7' });
    client.destroy();
  });

  test('says that the sockets are from the tables of the kernel, and why', async () => {
    const { pid } = await sleeperWith(['tcp:127.0.0.1:0']);
    const ways = {
      EPERM: 'EPERM: operation not permitted, pidfd_getfd',
      ENOSYS: 'ENOSYS: function not implemented, pidfd_getfd',
      kill: 'a system call filter (SystemCallFilter=) ends a process that calls pidfd_getfd(2)',
    };
    for (const [error, why] of Object.entries(ways)) {
      const refuse = [tool('refuse'), 'pidfd_getfd', error, '--'];
      const { stdout, code } = await inspect(['--pid', String(pid)], refuse);
      expect(stdout.trimEnd().split('\n').at(-1)).toBe(
        `Sockets: from /proc/${pid}/net and sock_diag, because they can't be copied: ${why}`,
      );
      expect(cells(stdout).get(3)).toMatchObject({ KIND: 'tcp listener' });
      expect(code).toBe(0);
    }
  });

  test('without /proc there is one line', async () => {
    const hide = ['unshare', '--mount', 'sh', '-c', 'mount -t tmpfs none /proc; exec "$@"', 'sh'];
    const { stdout, stderr, code } = await inspect(['--pid', '1'], hide);
    expect({ stdout, code }).toEqual({ stdout: '', code: 1 });
    expect(stderr).toMatch(/^libsystemd inspect: there is no \/proc here, .*: mount it .*\n$/);
  });

  test('has nothing in it that a terminal would obey', async () => {
    const path = join(folder, '\x1b[31mred\n\u202e');
    const names = '\\\x1b[2J';
    const { pid } = await sleeperWith([`file:${path}`], { names });
    const { stdout } = await inspect(['--pid', String(pid)]);
    expect(stdout).toContain('\\x1b[31mred\\x0a\\u{202e}');
    expect(stdout).toContain('\\x1b[2J');
    expect(stdout).not.toMatch(/[^\n -~…]/);
  });

  test('has the descriptors of the command itself without --pid', async () => {
    const { stdout, code } = await inspect([]);
    expect(stdout).toMatch(/^Process \d+: .*node .*cli\.js inspect\n/);
    expect(cells(stdout).get(0)).toMatchObject({ KIND: 'device', LOCAL: '/dev/null' });
    expect(code).toBe(0);
  });
});

test('in a terminal of 80 columns, the table cuts long paths in the middle', async () => {
  const path = join(folder, `${'long-'.repeat(20)}name`);
  const { pid } = await sleeperWith([`file:${path}`, 'tcp:127.0.0.1:0'], { names: 'file:http' });
  const lines = cliInTerminal(['inspect', '--pid', String(pid)]).split(/\r?\n/);
  const plain = lines.map((line) => line.replace(/\x1b\[\d*m/g, ''));
  const table = plain.filter((line) => /^ *(\d|FD)/.test(line));
  expect(table.filter((line) => line.length > 80)).toEqual([]);
  expect(table.find((line) => line.includes(' file '))).toMatch(
    /^ *3 .*\/tmp\S*….*name +rw inherit$/,
  );
  expect(table.find((line) => line.includes(' http '))).toMatch(/ 127\.0\.0\.1:\d+ /);
});

test.each([
  [['--pid', 'x'], '--pid x: the number of a process is expected'],
  [['--pid', '0'], '--pid 0: the number of a process is expected'],
  [['--pid', '1', '--unit', 'app'], '--pid and --unit name a process each: give one of them'],
])('%j is wrong input', (args, message) => {
  const { stderr, status } = cli(['inspect', ...args]);
  expect({ stderr, status }).toEqual({ stderr: `libsystemd inspect: ${message}\n`, status: 2 });
});

describe('names come from the environment of the process', () => {
  const cases: readonly [
    what: string,
    LaunchOptions,
    names: (string | undefined)[],
    note?: RegExp,
  ][] = [
    ['as the manager gave them', { names: 'a:b\\:c' }, ['a', 'b:c']],
    ['without LISTEN_FDNAMES as libsystemd says', {}, ['unknown', 'unknown']],
    ['of no descriptor without LISTEN_FDS', { names: 'a:b', fds: 'none' }, [undefined, undefined]],
    [
      'of no descriptor that is for another process',
      { names: 'a:b', pid: 1 },
      [undefined, undefined],
      /^LISTEN_FDS=2 is in its environment, but LISTEN_PID is 1: they are for another process$/,
    ],
    [
      'of no descriptor without LISTEN_PID',
      { names: 'a:b', pid: 'none' },
      [undefined, undefined],
      /but LISTEN_PID is not set/,
    ],
    [
      'of no descriptor when libsystemd refuses them',
      { names: 'a:b:c' },
      [undefined, undefined],
      /but LISTEN_FDNAMES is a:b:c: sd_listen_fds_with_names\(3\) refuses/,
    ],
  ];

  test.for(cases)('%s', async ([, options, names, note]) => {
    const { pid } = await sleeperWith(['memfd:one', 'memfd:two'], options);
    const { stdout } = await inspect(['--pid', String(pid), '--json']);
    const json = JSON.parse(stdout) as Json;
    const passed = json.descriptors.filter(({ fd }) => fd === 3 || fd === 4);
    expect(passed.map(({ name }) => name)).toEqual(names);
    expect(json.note).toEqual(note && expect.stringMatching(note));
  });
});

describe('inspects', () => {
  const pidsOf = (stdout: string) => /^Process (\d+)/.exec(stdout)?.[1];

  test('the process of a thread, and says so', async () => {
    const words = ['-e', 'setInterval(() => {}, 1000)'];
    const child = spawn(process.execPath, words, { stdio: 'ignore' });
    const { pid } = child;
    const tasks = () => readdirSync(`/proc/${pid}/task`);
    await expect.poll(() => tasks().length, { timeout: 20_000 }).toBeGreaterThan(1);
    const thread = tasks().at(-1) as string;
    const { stdout, code } = await inspect(['--pid', thread]);
    child.kill('SIGKILL');
    expect([pidsOf(stdout), code]).toEqual([String(pid), 0]);
    expect(stdout).toContain(`\n${thread} is a thread of process ${pid}\n`);
  });

  test('a process of a container by its pid here', async () => {
    const words = ['--pid', '--net', '--mount-proc', '--fork', '--kill-child', 'sleep', '600'];
    const outside = spawn('unshare', words, { stdio: 'ignore' });
    const children = () =>
      readFileSync(`/proc/${outside.pid}/task/${outside.pid}/children`, 'utf8');
    await expect.poll(() => children().trim(), { timeout: 20_000 }).toMatch(/^\d+$/);
    const pid = children().trim();
    const command = () => readFileSync(`/proc/${pid}/cmdline`, 'utf8');
    await expect.poll(command, { timeout: 20_000 }).toContain('sleep\0');
    const { stdout, code } = await inspect(['--pid', pid]);
    outside.kill('SIGKILL');
    expect([pidsOf(stdout), code]).toEqual([pid, 0]);
    expect(stdout).toMatch(/^ *0 +device +\/dev\/null/m);
  });

  test('a process that has closed all descriptors', async () => {
    const script = 'import os, time; os.closerange(0, 4096); time.sleep(600)';
    const child = spawn('python3', ['-c', script], { stdio: 'ignore' });
    const open = () => readdirSync(`/proc/${child.pid}/fd`).length;
    await expect.poll(open, { timeout: 20_000 }).toBe(0);
    const { stdout, code } = await inspect(['--pid', String(child.pid)]);
    child.kill('SIGKILL');
    expect(pidsOf(stdout)).toBe(String(child.pid));
    expect(stdout.split('\n').slice(1)).toEqual(['It has no open descriptors.', '']);
    expect(code).toBe(0);
  });
});

describe('fails with one line that says what to do, and code 1', () => {
  test('for a pid without a process', async () => {
    const { stdout, stderr, code } = await inspect(['--pid', '4194305']);
    expect([stdout, stderr, code]).toEqual([
      '',
      'libsystemd inspect: there is no process 4194305: take the pid from "ps", or name the unit by --unit\n',
      1,
    ]);
  });

  test('for a process of another user', async () => {
    const { pid } = await sleeperWith([]);
    const { stderr, code } = await inspect(['--pid', String(pid)], NOBODY);
    expect(stderr).toBe(
      `libsystemd inspect: the descriptors of process ${pid} may not be read (EACCES): it belongs to another user, or has raised its privileges. Run this command by sudo\n`,
    );
    expect(code).toBe(1);
  });

  test('for a process that has ended, but not for its parent', async () => {
    // It ends when the shell, which would notice, is no more.
    const source = 'sleep 2 & echo $!; exec sleep 600';
    const parent = spawn('sh', ['-c', source], { stdio: ['ignore', 'pipe', 'ignore'] });
    const [pid] = (await once(parent.stdout, 'data')) as [Buffer];
    const state = () => readFileSync(`/proc/${Number(pid)}/stat`, 'utf8');
    await expect.poll(state, { timeout: 20_000 }).toMatch(/\) Z /);
    const { stderr, code } = await inspect(['--pid', String(Number(pid))]);
    parent.kill('SIGKILL');
    expect(stderr).toMatch(
      /^libsystemd inspect: process \d+ has ended, and its parent has not noticed \(a zombie\)\n$/,
    );
    expect(code).toBe(1);
  });

  test('for --unit without systemctl', async () => {
    const { stderr, code } = await inspect(['--unit', 'app.service'], ['env', 'PATH=/nowhere']);
    expect(stderr).toBe(
      'libsystemd inspect: --unit asks systemd, and there is no systemctl here: name a process by --pid\n',
    );
    expect(code).toBe(1);
  });
});

const UNITS = {
  'app.socket': '[Socket]\nListenStream=/run/app.sock\nFileDescriptorName=web\n',
  'app.service': '[Unit]\nRequires=app.socket\n[Service]\nExecStart=sleep 600\n',
  'idle.service': '[Service]\nExecStart=sleep 600\n',
};

describeInBed('inspect --unit, under a real systemd', [UNITS], (bed) => {
  const run = (unit: string) => bed().run('node', PROGRAM, 'inspect', '--unit', unit);

  test('lists the descriptors of the main process, with the names of its sockets', async () => {
    await bed().systemctl('start', 'app.service');
    const { MainPID } = await bed().until('app.service', ({ MainPID }) => MainPID !== 0);
    for (const unit of ['app', 'app.service']) {
      const stdout = await run(unit);
      expect(stdout).toMatch(new RegExp(`^Process ${MainPID}: .*sleep.* 600\n`));
      expect(stdout).toMatch(/^ *3 +web +unix listener +\/run\/app\.sock +0\/\d+/m);
    }
  });

  test.each([
    ['nothing', 'there is no unit nothing: "systemctl list-units" lists those that are loaded'],
    ['idle', 'idle is inactive and has no main process: start it'],
    ['app.socket', 'app.socket is no service, so it has no main process: name the service'],
  ])('says of %s that there is no process', async (unit, message) => {
    await expect(run(unit)).rejects.toThrow(`libsystemd inspect: ${message}`);
  });
});

test('shows the title that npm gives its process, and no null bytes behind it', async () => {
  const program = "process.title = 'npm start'; console.log(); setInterval(() => {}, 1e6)";
  const child = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  await once(child.stdout, 'data');
  const { stdout } = await inspect(['--pid', String(child.pid), '--json']);
  expect(JSON.parse(stdout)).toMatchObject({ command: 'npm start' });
});
