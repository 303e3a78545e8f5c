// examples/unix-sockets under a real manager, exactly as they are, with clients that share no code with the package.
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { root } from '../support/tools.ts';
import { describeInBed } from './bed.ts';

describeInBed('unix-sockets', [join(root, 'examples/unix-sockets')], (bed) => {
  const python = (...lines: string[]) =>
    bed().run('python3', '-c', ['import os, socket, sys', ...lines].join('\n'));

  test('syslog starts at the first line, which has its real sender, and loses none over restarts', async () => {
    await bed().systemctl('start', 'app-syslog.socket');
    const send = (text: string) =>
      bed().run('logger', '--socket', '/run/app/log', '-t', 'me', text);
    await send('the first');
    await expect
      .poll(() => bed().show('app-syslog.service'), { timeout: 60_000 })
      .toMatchObject({ ActiveState: 'active' });
    const pid = await python(
      's = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)',
      "s.sendto(b'<3>disk: full', '/run/app/log')",
      'print(os.getpid())',
    );
    for (let i = 0; i < 3; i++) {
      await Promise.all([bed().systemctl('restart', 'app-syslog.service'), send(`restart ${i}`)]);
    }
    await bed().systemctl('stop', 'app-syslog.service', 'app-syslog.socket');
    const lines = (await bed().journal('app-syslog.service')).split('\n');
    const entries = lines.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line));
    expect(entries[0]).toMatchObject({ priority: 5, uid: 0, gid: 0 });
    expect(entries[0].text).toMatch(/ me: the first$/);
    expect(entries[1]).toEqual({
      priority: 3,
      pid: Number(pid),
      uid: 0,
      gid: 0,
      text: 'disk: full',
    });
    expect(entries.slice(2).map(({ text }) => /restart \d$/.exec(text)?.[0])).toEqual(
      [0, 1, 2].map((i) => `restart ${i}`),
    );
    expect(await bed().show('app-syslog.service')).toMatchObject({ Result: 'success' });
  });

  test('statsd counts every message of a flood', async () => {
    await bed().systemctl('start', 'app-statsd.socket');
    await python(
      's = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)',
      "s.connect('/run/app/statsd')",
      "for i in range(20000): s.send(b'requests:1|c\\nbytes:10|c')",
    );
    await expect
      .poll(() => bed().show('app-statsd.service'), { timeout: 60_000 })
      .toMatchObject({ StatusText: 'requests=20000 bytes=200000' });
    await bed().systemctl('stop', 'app-statsd.service', 'app-statsd.socket');
    expect(await bed().journal('app-statsd.service')).toContain(
      'Counted requests=20000 bytes=200000',
    );
  });

  test('echo sends messages back with their descriptors, empty ones too', async () => {
    await bed().systemctl('start', 'app-echo.socket');
    const said = await python(
      's = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)',
      "s.connect('/run/app/echo')",
      'r, w = os.pipe()',
      "socket.send_fds(s, [b'with a pipe'], [w])",
      "s.send(b'')",
      "s.send(b'last')",
      'data, fds, flags, _ = socket.recv_fds(s, 100, 10)',
      "os.write(fds[0], b'through the pipe')",
      'print(data, len(fds), os.read(r, 100), s.recv(100), s.recv(100))',
      's.shutdown(socket.SHUT_WR)',
      'print(s.recv(100))',
    );
    expect(said.trim().split('\n')).toEqual([
      "b'with a pipe' 1 b'through the pipe' b'' b'last'",
      "b''",
    ]);
    await bed().systemctl('stop', 'app-echo.service', 'app-echo.socket');
    expect(await bed().show('app-echo.service')).toMatchObject({ Result: 'success' });
  });
});
