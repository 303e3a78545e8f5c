// Which server gets which socket of systemd, and what is said about the others.
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { RunningService } from '../service/support.ts';
import { Client } from '../support/client.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { freePort, startAuto, untilReady } from './support.ts';

/** Prints the port or path of a server once it listens. */
const announce = (name: string) =>
  `${name}.on('listening', () => say({ ${name}: ${name}.address().port ?? ${name}.address() }));`;

const warnings = ({ lines }: RunningService) =>
  lines.filter(({ warning }) => warning).map(({ message }) => message);

describe.concurrent('a socket is found', () => {
  test('by its port among several, and each server gets its own', async () => {
    const [a, b] = [await freePort(), await freePort()];
    await using service = await startAuto(
      `
        const [web, metrics] = [http.createServer(answer), http.createServer(answer)];
        ${announce('web')} ${announce('metrics')}
        metrics.listen(${b});
        setTimeout(() => web.listen(${a}, '0.0.0.0'), 100);
      `,
      { specs: [`tcp:127.0.0.1:${a}`, `tcp:127.0.0.1:${b}`] },
    );
    expect(await service.readUntil((line) => 'metrics' in line)).toEqual({ metrics: b });
    expect(service.notifications).toEqual([]);
    expect(await service.readUntil((line) => 'web' in line)).toEqual({ web: a });
    const status = `Serving on 127.0.0.1:${b}, 127.0.0.1:${a}`;
    expect(await untilReady(service)).toBe(`READY=1\nSTATUS=${status}`);
  });

  test('by its name, which is the port of the program', async () => {
    const [held, asked] = [await freePort(), await freePort()];
    await using service = await startAuto(
      `const web = http.createServer(answer).listen(${asked}); ${announce('web')}`,
      { specs: [`tcp:127.0.0.1:${held}`], names: String(asked) },
    );
    expect(await service.readUntil((line) => 'web' in line)).toEqual({ web: held });
    await untilReady(service);
  });

  test('by the names in LIBSYSTEMD_AUTO, for a port and for a path', async () => {
    const [a, b, asked] = [await freePort(), await freePort(), await freePort()];
    await using service = await startAuto(
      `
        const [web, control] = [http.createServer(answer), net.createServer()];
        ${announce('web')} ${announce('control')}
        web.listen(${asked});
        control.listen('/nowhere/control.sock');
      `,
      {
        specs: [`tcp:127.0.0.1:${a}`, `tcp:127.0.0.1:${b}`],
        names: 'one:two',
        env: { LIBSYSTEMD_AUTO: ` ${asked}=two, /nowhere/control.sock = one,` },
      },
    );
    await untilReady(service);
    await service.readUntil((line) => 'control' in line);
    expect(service.lines).toContainEqual({ web: b });
  });

  test.each([
    ['a path', (folder: string) => join(folder, 's')],
    ['an abstract name', (folder: string) => `@${folder}`],
  ])('for a port, with %s: address() is that, also in a cluster worker', async (_what, nameIn) => {
    const [name, asked] = [nameIn(temporaryFolder()), await freePort()];
    await using service = await startAuto(
      `
        const web = http.createServer(answer).listen(${asked}, () => {
          say({ [cluster.isWorker ? 'worker' : 'web']: web.address() });
          if (cluster.isPrimary) cluster.fork();
        });
      `,
      {
        specs: [`unix:${name}`],
        names: 'app',
        env: { LIBSYSTEMD_AUTO: `${asked}=app` },
        isFile: true,
      },
    );
    const address = name.replace(/^@/, '\0');
    expect(await service.readUntil((line) => 'web' in line)).toEqual({ web: address });
    expect(await service.readUntil((line) => 'worker' in line)).toEqual({ worker: address });
    await untilReady(service);
  });

  test('but not by a name in LIBSYSTEMD_AUTO that no socket has: a warning has the names', async () => {
    const port = await freePort();
    await using service = await startAuto(
      `http.createServer(answer).listen(${port}).on('error', ({ code }) => say({ code }));`,
      {
        specs: [`tcp:127.0.0.1:${port}`],
        names: 'app.socket',
        env: { LIBSYSTEMD_AUTO: `${port}=app` },
      },
    );
    await service.readUntil((line) => 'code' in line);
    expect(warnings(service)).toEqual([
      `LIBSYSTEMD_AUTO gives ${port} the socket app, and systemd has passed app.socket: set Environment=LIBSYSTEMD_AUTO=${port}=app.socket`,
    ]);
  });

  test('by its path, also through a link to the folder', async () => {
    const folder = temporaryFolder();
    const path = join(folder, 's');
    await using service = await startAuto(
      `
        fs.symlinkSync('${folder}', '${folder}/link');
        http.createServer(answer).listen('${folder}/link/s');
      `,
      { specs: [`unix:${path}`] },
    );
    await untilReady(service);
    using client = await Client.connect({ path });
    client.get('/0');
    await client.until('done');
  });

  test('although the program has removed its path before', async () => {
    const path = join(temporaryFolder(), 's');
    await using service = await startAuto(
      `
        const { unlinkSync, rmSync, unlink } = fs;
        unlinkSync('${path}');
        fs.unlinkSync(Buffer.from('${path}'));
        rmSync('${path}', { force: true });
        await fs.promises.unlink('${path}');
        await fs.promises.rm(new URL('file://${path}'));
        await new Promise((resolve, reject) => unlink('${path}', (error) => error ? reject(error) : resolve()));
        await new Promise((resolve) => fs.rm('${path}', resolve));
        fs.writeFileSync('${path}.other', '');
        fs.unlinkSync('${path}.other');
        say({ others: fs.existsSync('${path}.other') });
        http.createServer(answer).listen('${path}', () => fs.chmodSync('${path}', 0o666));
      `,
      { specs: [`unix:${path}`] },
    );
    await untilReady(service);
    expect(await service.readUntil((line) => 'others' in line)).toEqual({ others: false });
    using client = await Client.connect({ path });
    client.get('/0');
    await client.until('done');
  });

  test('by its address before its port, and by its port for every address', async () => {
    const port = await freePort();
    await using service = await startAuto(
      `
        const [a, b] = [http.createServer(answer), http.createServer(answer)];
        a.listen(${port}, '127.0.0.1', () => say({ a: a.address().address }));
        b.listen(${port}, '::1', () => say({ b: b.address().address }));
      `,
      { specs: [`tcp:127.0.0.1:${port}`, `tcp:[::1]:${port}`] },
    );
    await untilReady(service);
    const lines = [await service.readUntil(() => true), await service.readUntil(() => true)];
    expect(lines).toEqual(expect.arrayContaining([{ a: '127.0.0.1' }, { b: '::1' }]));
  });

  test('all sockets of the port, for one server', async () => {
    const port = await freePort();
    await using service = await startAuto(`http.createServer(answer).listen(${port});`, {
      specs: [`tcp:127.0.0.1:${port}`, `tcp:[::1]:${port}`],
    });
    await untilReady(service);
    for (const host of ['127.0.0.1', '::1']) {
      using client = await Client.connect({ host, port });
      client.get('/0');
      await client.until('done');
    }
  });

  test('by two servers, as a second one and a search for a free port need it', async () => {
    const port = await freePort();
    await using service = await startAuto(
      `
        const [a, b] = [http.createServer(answer), http.createServer(answer)];
        a.listen(${port}, () => b.listen(${port}, () => say({ both: true })));
      `,
      { specs: [`tcp:127.0.0.1:${port}`] },
    );
    await service.readUntil((line) => line.both === true);
    await untilReady(service);
  });
});

describe.concurrent('without a socket that fits', () => {
  test('a server listens as the program wished, READY=1 is not sent, and a line says what to set', async () => {
    const [held, asked] = [await freePort(), await freePort()];
    const program = `http.createServer(answer).listen(${asked}, () => say({ open: true }));`;
    await using service = await startAuto(program, {
      specs: [`tcp:127.0.0.1:${held}`],
      names: 'web',
    });
    await service.readUntil((line) => line.open === true);
    const text = `systemd holds ${held}, the program listens on ${asked}: set PORT=${held} or FileDescriptorName=${asked} in the .socket unit or Environment=LIBSYSTEMD_AUTO=${asked}=web`;
    await service.manager.until(`STATUS=${text}`);
    await service.readUntil((line) => line.warning === 'ERR_SYSTEMD_NO_MATCH');
    expect(warnings(service)).toEqual([text]);
    expect(service.notifications).toEqual([`STATUS=${text}`]);
    using client = await Client.connect({ host: '127.0.0.1', port: asked });
    client.get('/0');
    await client.until('done');
  });

  test('a program that takes its port for used is told how its port 0 gets the socket', async () => {
    const held = await freePort();
    // As `serve` of npm does: whoever holds the port answers, and here that is systemd.
    const program = `
      const probe = net.connect(${held}, '127.0.0.1', () => {
        probe.destroy();
        http.createServer(answer).listen(0, () => say({ open: true }));
      });
    `;
    const options = { specs: [`tcp:127.0.0.1:${held}`], names: 'web' };
    await using untold = await startAuto(program, options);
    await untold.manager.until(
      `STATUS=systemd holds ${held}, the program listens on 0, which is any free port, perhaps because ${held} seems to be in use: set Environment=LIBSYSTEMD_AUTO=0=web`,
    );
    await untold[Symbol.asyncDispose]();
    await using told = await startAuto(program, { ...options, env: { LIBSYSTEMD_AUTO: '0=web' } });
    await untilReady(told);
    using client = await Client.connect({ host: '127.0.0.1', port: held });
    client.get('/0');
    await client.until('done');
  });

  test('a path is named for LIBSYSTEMD_AUTO', async () => {
    const held = await freePort();
    const path = join(temporaryFolder(), 's');
    const program = `http.createServer(answer).listen('${path}');`;
    await using service = await startAuto(program, {
      specs: [`tcp:127.0.0.1:${held}`],
      names: 'web',
    });
    await service.manager.until(
      `STATUS=systemd holds ${held}, the program listens on ${path}: set Environment=LIBSYSTEMD_AUTO=${path}=web`,
    );
  });

  test('a further server listens as the program wished, and a line says so', async () => {
    const [held, metrics] = [await freePort(), await freePort()];
    const program = `
      http.createServer(answer).listen(${metrics});
      setTimeout(() => http.createServer(answer).listen(${held}), 300);
    `;
    await using service = await startAuto(program, { specs: [`tcp:127.0.0.1:${held}`] });
    await untilReady(service);
    await service.readUntil((line) => line.warning === 'ERR_SYSTEMD_NO_MATCH');
    expect(warnings(service)).toEqual([
      `The program listens on ${metrics} by itself: systemd holds ${held}`,
    ]);
  });

  test('a name in LIBSYSTEMD_AUTO that was not passed is no match', async () => {
    const held = await freePort();
    const program = `http.createServer(answer).listen(${held});`;
    await using service = await startAuto(program, {
      specs: [`tcp:127.0.0.1:${held}`],
      names: 'web',
      env: { LIBSYSTEMD_AUTO: `${held}=wbe` },
    });
    // The address is systemd's, so that Node can't bind to it.
    expect((await service.ended()).code).toBe(1);
    expect(service.stderr).toContain('EADDRINUSE');
  });

  test('a socket of systemd without a server is named two seconds later, with READY=1', async () => {
    const [a, b] = [await freePort(), await freePort()];
    const program = `http.createServer(answer).listen(${a});`;
    await using service = await startAuto(program, {
      specs: [`tcp:127.0.0.1:${a}`, `tcp:127.0.0.1:${b}`],
      names: 'web:admin',
    });
    await untilReady(service);
    const { message } = await service.readUntil((line) => line.warning === 'ERR_SYSTEMD_UNTAKEN');
    expect(message).toContain(`127.0.0.1:${b}`);
    expect(message).toContain('by Environment=LIBSYSTEMD_AUTO=PORT=admin, where PORT is');
  });
});

test.concurrent.each([
  ['LIBSYSTEMD_AUTO', 'web', 'a list such as 3000=web,9100=metrics'],
  ['LIBSYSTEMD_AUTO', '=web', 'a list such as 3000=web,9100=metrics'],
  ['LIBSYSTEMD_AUTO_READY', 'later', 'manual, a whole number of milliseconds, or a URL of http'],
  [
    'LIBSYSTEMD_AUTO_IDLE_TIMEOUT',
    '5s',
    'a whole number of milliseconds up to 2147483647, or infinity',
  ],
  [
    'LIBSYSTEMD_AUTO_STOP_TIMEOUT',
    '-1',
    'a whole number of milliseconds up to 2147483647, or infinity',
  ],
  [
    'LIBSYSTEMD_AUTO_EXIT_TIMEOUT',
    '2147483648',
    'a whole number of milliseconds up to 2147483647, or infinity',
  ],
])(
  '%s=%s ends the process with an error that says what is expected',
  async (name, value, expected) => {
    await using service = await startAuto('say({ ran: true });', { env: { [name]: value } });
    expect((await service.ended()).code).toBe(1);
    expect(service.stderr).toContain(`TypeError: ${name} must be ${expected}, and is "${value}"`);
    expect(service.lines).toEqual([]);
  },
);
