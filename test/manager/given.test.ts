// What a real manager gives a unit, as libsystemd/environment returns it: credentials, directories, ids, units of clients.
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { PATHS } from '../environment/cgroup-paths.ts';
import { type Outcome, program } from '../environment/child.ts';
import { describeInBed, service } from './bed.ts';
import { REPOSITORY } from './manager.mjs';

const TOOLS = `${REPOSITORY}/build/tools`;
const APP = '5ad0e3bd2a3a4a1c8b9c3f0f6a1a7e0d';
const NOBODY = ['--reuid=65534', '--regid=65534', '--clear-groups'];

const asker = (...lines: string[]) =>
  service('asker.mjs /run/%N/sk', 'Type=notify', 'RuntimeDirectory=%N', ...lines);

/** The server, in a kernel that has no SO_PEERPIDFD, as before Linux 6.5. */
const askerBefore65 = asker().replace(
  'ExecStart=',
  `ExecStart=${TOOLS}/refuse "getsockopt of SO_PEERPIDFD" ENOPROTOOPT -- `,
);

const UNITS = {
  'asker.service': asker(),
  'asker-before65.service': askerBefore65,
  'asker-hardened.service': asker(
    ...['DynamicUser=yes', 'PrivateUsers=yes', 'ProtectProc=invisible', 'CapabilityBoundingSet='],
  ),
};

describeInBed('what the manager gave the unit', [UNITS], (bed) => {
  const write = (path: string, content: string | Uint8Array) =>
    writeFileSync(bed().path(path), content);

  /** Evaluates expressions in a service with these lines. Waits for its end. */
  async function inUnit(
    name: string,
    lines: readonly string[],
    ...expressions: readonly string[]
  ): Promise<unknown[]> {
    const [file, output] = [`/opt/${name}.mjs`, `/run/${name}.json`];
    write(file, program(expressions));
    const text = [
      ...['[Service]', 'Type=oneshot', `ExecStart=/usr/bin/node ${file}`],
      ...[`StandardOutput=truncate:${output}`, ...lines, ''],
    ].join('\n');
    await bed().add({ [`${name}.service`]: text });
    await bed().systemctl('start', `${name}.service`);
    const outcomes: Outcome[] = JSON.parse(readFileSync(bed().path(output), 'utf8'));
    return outcomes.map(({ value, error }) => error ?? value);
  }

  const hex = (name: string) => `credentials.read('${name}').toString('hex')`;

  test.each([
    ['a user of its own', ['DynamicUser=yes']],
    ['root', []],
    ['a hardened unit', ['DynamicUser=yes', 'PrivateUsers=yes', 'PrivateMounts=yes']],
  ])('credentials: %s reads them, whatever they come from', async (who, lines) => {
    const name = `cred-${who.replaceAll(' ', '-')}`;
    mkdirSync(bed().path('/etc/given/folder'), { recursive: true });
    write('/etc/given/key', 'secret\n');
    write('/etc/given/folder/one', '1');
    const set = [
      ...['LoadCredential=key:/etc/given/key', 'LoadCredential=dir:/etc/given/folder'],
      ...['SetCredential=bytes:a\\x00\\xff', 'SetCredential=default:D'],
      ...['LoadCredential=default:/absent', 'LoadCredential=nowhere'],
    ];
    const values = await inUnit(
      name,
      [...lines, ...set],
      'credentials.directory',
      'credentials.names()',
      `credentials.text('key')`,
      hex('key'),
      hex('bytes'),
      `credentials.text('default')`,
      `credentials.has('nowhere')`,
      `credentials.read('nowhere')`,
      `credentials.path('dir_one')`,
    );
    const folder = `/run/credentials/${name}.service`;
    expect(values.slice(0, 7)).toEqual([
      folder,
      ['bytes', 'default', 'dir_one', 'key'],
      'secret',
      Buffer.from('secret\n').toString('hex'),
      Buffer.from('a\0\xff', 'latin1').toString('hex'),
      'D',
      false,
    ]);
    expect(values[7]).toMatchObject({
      code: 'ERR_SYSTEMD_CREDENTIAL',
      message: expect.stringContaining(`No credential "nowhere" in ${folder}, which has "bytes"`),
    });
    expect(values[8]).toBe(`${folder}/dir_one`);
  });

  test('credentials: a unit without them has none', async () => {
    expect(await inUnit('cred-none', [], 'credentials.directory', 'credentials.names()')).toEqual([
      undefined,
      [],
    ]);
  });

  test('credentials: a process that has changed its user is told so', async () => {
    const read = `(process.setgroups([]), process.setgid(65534), process.setuid(65534), credentials.read('key'))`;
    const [error] = await inUnit('cred-user', ['SetCredential=key:x'], read);
    expect(error).toMatchObject({
      code: 'EACCES',
      message: expect.stringContaining('read it before the user is changed'),
    });
  });

  test('directories: a unit with a user of its own gets and may write them, by name and index', async () => {
    const lines = [
      ...['DynamicUser=yes', 'StateDirectory=given given/deep', 'RuntimeDirectory=given'],
      ...['CacheDirectory=given', 'LogsDirectory=given', 'ConfigurationDirectory=given-etc'],
    ];
    const write = (call: string) =>
      `(process.getBuiltinModule('fs').writeFileSync(${call} + '/file', ''), ${call})`;
    const values = await inUnit(
      'directories',
      lines,
      ...[
        `directory('state', { name: 'given' })`,
        `directory('state', { name: 'given/deep', fallback: '/unused' })`,
        `directory('state', { index: 1 })`,
        `directory('runtime')`,
        `directory('cache')`,
        `directory('logs')`,
        `directory('configuration')`,
      ].map(write),
      `directory('state')`,
    );
    expect(values.slice(0, 7)).toEqual([
      '/var/lib/given',
      '/var/lib/given/deep',
      '/var/lib/given/deep',
      '/run/given',
      '/var/cache/given',
      '/var/log/given',
      '/etc/given-etc',
    ]);
    expect(values[7]).toMatchObject({ code: 'ERR_SYSTEMD_DIRECTORY' });
  });

  test('ids: they are those of the manager and of systemd-id128', async () => {
    const uuid = APP.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-').toUpperCase();
    const asked = ['invocationId()', 'bootId()', `machineId('${APP}')`, `machineId('${uuid}')`];
    const values = await inUnit('ids', ['DynamicUser=yes', 'RemainAfterExit=yes'], ...asked);
    const machine = (
      await bed().run('systemd-id128', 'machine-id', `--app-specific=${APP}`)
    ).trimEnd();
    expect(values).toEqual([
      (await bed().show('ids.service')).InvocationID,
      (await bed().run('systemd-id128', 'boot-id')).trimEnd(),
      machine,
      machine,
    ]);
  });

  const ID = '0123456789abcdef0123456789abcdef';

  test.each([
    ['an id', `${ID}\n`],
    ['an id without a line break', ID.toUpperCase()],
    ['empty', '', undefined],
    ['uninitialized', 'uninitialized\n', undefined],
    ['of zeros', `${'0'.repeat(32)}\n`, undefined],
    ['a UUID', '01234567-89ab-cdef-0123-456789abcdef\n', 'EUCLEAN'],
    ['too long', `${ID}0\n`, 'EUCLEAN'],
    ['two lines', `${ID}\n\n`, 'EUCLEAN'],
    ['no id', 'my machine\n', 'EUCLEAN'],
  ])(
    'machineId() where /etc/machine-id is %s: systemd-id128 has one too, or none',
    async (...row) => {
      const [, text, instead] = row;
      write('/etc/machine-id', text);
      const asked = bed().run('systemd-id128', 'machine-id', `--app-specific=${APP}`);
      const theirs = await asked.then(
        (id) => id.trimEnd(),
        () => undefined,
      );
      const [ours] = await inUnit('machine', [], `machineId('${APP}')`);
      write('/etc/machine-id', `${ID}\n`);
      expect((ours as { code?: string } | undefined)?.code ?? ours).toBe(theirs ?? instead);
      expect(theirs === undefined).toBe(row.length > 2);
    },
  );

  test('machineId() that may not be read is an error with the path', async () => {
    write('/etc/machine-id', `${ID}\n`);
    chmodSync(bed().path('/etc/machine-id'), 0o400);
    const [error] = await inUnit('no-id', ['DynamicUser=yes'], `machineId('${APP}')`);
    chmodSync(bed().path('/etc/machine-id'), 0o444);
    expect(error).toMatchObject({ name: 'SystemdError', code: 'EACCES', path: '/etc/machine-id' });
  });

  test('startedByManager() is true in the process of ExecStart=, and false behind a shell', async () => {
    expect(await inUnit('started', ['DynamicUser=yes'], 'startedByManager()')).toEqual([true]);
    write('/opt/shell.mjs', program(['startedByManager()', `typeof invocationId()`]));
    await bed().add({
      'shell.service':
        '[Service]\nType=oneshot\nExecStart=sh -c "node /opt/shell.mjs; true"\nStandardOutput=truncate:/run/shell.json\n',
    });
    await bed().systemctl('start', 'shell.service');
    const outcomes = JSON.parse(readFileSync(bed().path('/run/shell.json'), 'utf8'));
    expect(outcomes).toEqual([{ value: false }, { value: 'string' }]);
  });

  test.each([
    ['127.0.0.1:7701', `{ host: '127.0.0.1', port: 7701 }`, '127.0.0.1'],
    ['[::1]:7702', `{ host: '::1', port: 7702 }`, '::1'],
    ['[::]:7703', `{ host: '127.0.0.1', port: 7703 }`, '127.0.0.1'],
  ])('remote() is the client of %s', async (listen, connect, address) => {
    const name = `remote-${listen.slice(-4)}`;
    write('/opt/remote.mjs', program(['remote()']));
    await bed().add({
      [`${name}.socket`]: `[Socket]\nListenStream=${listen}\nAccept=yes\n`,
      [`${name}@.service`]:
        '[Service]\nExecStart=/usr/bin/node /opt/remote.mjs\nStandardInput=socket\n',
    });
    await bed().systemctl('start', `${name}.socket`);
    const [port, text] = await bed().evaluate<[number, string]>(`
      import { connect } from 'node:net';
      import { once } from 'node:events';
      import { text } from 'node:stream/consumers';
      const socket = connect(${connect});
      await once(socket, 'connect');
      const { localPort } = socket;
      result([localPort, await text(socket)]);
    `);
    expect(JSON.parse(text)).toEqual([{ value: { address, port } }]);
  });

  test('remote() is the name of a client of a Unix socket, from systemd 257 on', async () => {
    write('/opt/remote.mjs', program(['remote()']));
    await bed().add({
      'remote-unix.socket': '[Socket]\nListenStream=/run/remote.sk\nAccept=yes\n',
      'remote-unix@.service':
        '[Service]\nExecStart=/usr/bin/node /opt/remote.mjs\nStandardInput=socket\n',
    });
    await bed().systemctl('start', 'remote-unix.socket');
    const answer = await bed().run(`${TOOLS}/named-client`, 'my client', '/run/remote.sk');
    const value = { address: '@my client' };
    expect(JSON.parse(answer)).toEqual([bed().version >= 257 ? { value } : {}]);
  });

  test('unitOf() finds what libsystemd finds, in cgroups of every kind', async () => {
    const found = await bed().evaluate<[string, string][]>(`
      import { execFileSync, spawn } from 'node:child_process';
      import { mkdirSync, writeFileSync } from 'node:fs';
      import { unitOf } from 'libsystemd/environment';
      const pids = ${JSON.stringify(PATHS.map(([path]) => path))}.map((path) => {
        const folder = '/sys/fs/cgroup' + path;
        mkdirSync(folder, { recursive: true });
        const { pid } = spawn('sleep', ['60'], { stdio: 'ignore' });
        writeFileSync(folder + '/cgroup.procs', String(pid));
        return pid;
      });
      const answer = execFileSync('${TOOLS}/unit-of', pids.map(String), { encoding: 'utf8' });
      const libsystemds = answer.trimEnd().split('\\n');
      const line = (pid) => [unitOf(pid) ?? '-', unitOf(pid, { manager: 'user' }) ?? '-'].join('\\t');
      result(pids.map((pid, i) => [libsystemds[i], line(pid)]));
      for (const pid of pids) process.kill(pid);
    `);
    const expected = PATHS.map(([, system = '-', user = '-']) => `${system}\t${user}`);
    expect(found.map(([libsystemds]) => libsystemds)).toEqual(expected);
    expect(found.map(([, ours]) => ours)).toEqual(expected);
  });

  test('unitOf() of a service is its unit, and of PID 1 init.scope; a pid that nobody has is of none', async () => {
    const asked = [`unitOf('self')`, 'unitOf(1)', 'unitOf(4194303)'];
    const name = 'a-b@x-y:z';
    await bed().systemctl('start', 'asker.service');
    expect(await inUnit(name, ['DynamicUser=yes', 'Slice=web-api.slice'], ...asked)).toEqual([
      'a-b@x-y:z.service',
      'init.scope',
      undefined,
    ]);
    const { MainPID } = await bed().show('asker.service');
    const hidden = ['DynamicUser=yes', 'ProtectProc=invisible'];
    expect(await inUnit('hidden', hidden, `unitOf('self')`, `unitOf(${MainPID})`)).toEqual([
      'hidden.service',
      undefined,
    ]);
  });

  /** The answer of a server to a client in a service of a unit that has these lines. */
  async function askFromUnit(name: string, path: string, ...lines: string[]): Promise<unknown> {
    const source = `(async () => {
      const socket = process.getBuiltinModule('net').connect('${path}').end('x').setEncoding('utf8');
      for await (const text of socket) console.log(text);
    })().then(() => process.exit())`;
    write(`/opt/${name}.mjs`, source);
    await bed().add({
      [`${name}.service`]: [
        ...['[Service]', 'Type=oneshot', `ExecStart=/usr/bin/node /opt/${name}.mjs`],
        ...[`StandardOutput=truncate:/run/${name}.json`, ...lines, ''],
      ].join('\n'),
    });
    await bed().systemctl('start', `${name}.service`);
    return JSON.parse(readFileSync(bed().path(`/run/${name}.json`), 'utf8'));
  }

  test.each([
    ['asker', 'this kernel', 'DynamicUser=yes'],
    ['asker-before65', 'a kernel without SO_PEERPIDFD', 'DynamicUser=yes'],
    ['asker-before65', 'a kernel without SO_PEERPIDFD', 'User=root'],
  ])('peerUnit() of %s, with %s, is the unit of the client (%s)', async (unit, _kernel, user) => {
    await bed().systemctl('start', `${unit}.service`);
    const name = `client-${unit}-${user.length}`;
    expect(await askFromUnit(name, `/run/${unit}/sk`, user)).toEqual([`${name}.service`, null]);
  });

  test('peerUnit() does not know a client of another user under ProtectProc=invisible', async () => {
    await bed().systemctl('start', 'asker-hardened.service');
    const asked = askFromUnit('hidden-client', '/run/asker-hardened/sk', 'DynamicUser=yes');
    expect(await asked).toEqual([null, null]);
  });

  test.each([
    ['asker', 0],
    ['asker', 65534],
    ['asker-before65', 65534],
  ])(
    'peerUnit() of %s does not take another process of uid %i for a client that has ended',
    async (unit, uid) => {
      await bed().systemctl('start', `${unit}.service`);
      const cgroup = '/sys/fs/cgroup/victim.slice/victim.service';
      await bed().run('mkdir', '-p', cgroup);
      const args = [`/run/${unit}/sk`, cgroup, String(uid)];
      expect(JSON.parse(await bed().run(`${TOOLS}/reused-pid`, ...args))).toEqual([null, null]);
    },
  );

  test.each(['asker', 'asker-hardened'])(
    'credentialRequest() of %s is what a starting unit asks for',
    async (unit) => {
      await bed().systemctl('start', `${unit}.service`);
      const name = `asking-${unit}`;
      const load = `LoadCredential=db.password:/run/${unit}/sk`;
      expect(
        await inUnit(name, ['DynamicUser=yes', load], `credentials.text('db.password')`),
      ).toEqual([`db.password of ${name}.service`]);
    },
  );

  test('credentialRequest() believes root alone, and only names of that form', async () => {
    await bed().systemctl('start', 'asker.service');
    const forged = '0123456789abcdef/unit/web.service/secret';
    const ask = (name: string, ...as: string[]) =>
      bed().run('setpriv', ...as, `${TOOLS}/named-client`, name, '/run/asker/sk');
    expect(await ask(forged)).toBe('secret of web.service');
    expect(await ask(forged, ...NOBODY)).not.toContain('secret');
    expect(await ask('0123456789abcdef/unit/web.service/', '--reset-env')).not.toContain(' of ');
    expect(await ask('x/unit/web.service/secret', '--reset-env')).not.toContain('secret');
  });
});
