// Services by serve() under a real manager.
import { expect, test } from 'vitest';
import { type Bed, describeInBed, service, VERSION } from './bed.ts';

let lastPort = 9500;

interface Started {
  readonly unit: string;
  /** Sends requests for these paths at once. Returns the bodies of the responses, or error codes. */
  requestAll(...paths: readonly string[]): Promise<string[]>;
  request(path: string): Promise<string>;
}

/** Starts the socket unit of a service. The first request starts the service. */
async function startSocket(bed: Bed, options: object, ...lines: string[]): Promise<Started> {
  const port = ++lastPort;
  const name = `serve-${port}`;
  const program = `serve.mjs '${JSON.stringify(options)}'`;
  await bed.add({
    [`${name}.socket`]: `[Socket]\nListenStream=127.0.0.1:${port}\n`,
    [`${name}.service`]: service(program, 'Type=notify', ...lines),
  });
  await bed.systemctl('start', `${name}.socket`);
  const requestAll = (...paths: readonly string[]) =>
    bed.evaluate<string[]>(`
      const request = async (path) => {
        const answer = await fetch('http://127.0.0.1:${port}' + path).catch(({ cause }) => cause);
        return answer.text ? await answer.text() : answer.code;
      };
      result(await Promise.all(${JSON.stringify(paths)}.map(request)));
    `);
  const request = async (path: string) => (await requestAll(path))[0] as string;
  return { unit: `${name}.service`, requestAll, request };
}

// Five tests run at once, because each waits for most of its time.
describeInBed('a service by serve()', [], (bed) => {
  test.concurrent('is ready with a status, and stops with success', async () => {
    const { unit, request } = await startSocket(bed(), {});
    expect(await request('/0')).toMatch(/^pid \d+$/);
    await bed().until(unit, ({ StatusText }) => StatusText === '0 open, 0 reloads');
    await bed().systemctl('stop', unit);
    const { ActiveState, Result, ExecMainStatus } = await bed().show(unit);
    expect([ActiveState, Result, ExecMainStatus]).toEqual(['inactive', 'success', 0]);
  });

  // Alone: `systemctl daemon-reload`, by which other tests add their units, makes systemd forget that a stop was extended.
  test('may drain for longer than TimeoutStopSec=, because it asks for more time', async () => {
    const { unit, request } = await startSocket(bed(), {}, 'TimeoutStopSec=3');
    await request('/0');
    const answer = request('/5000');
    await bed().until(unit, ({ StatusText }) => /^1 open/.test(StatusText));
    await bed().systemctl('stop', unit);
    expect(await answer).toMatch(/^pid \d+$/);
    expect((await bed().show(unit)).Result).toBe('success');
  });

  test.concurrent('fails when its stop hook throws, and the status says why', async () => {
    const { unit, request } = await startSocket(bed(), { failingStop: true });
    await request('/0');
    await bed().systemctl('stop', unit);
    const { Result, ExecMainStatus, StatusText } = await bed().show(unit);
    expect([Result, ExecMainStatus]).toEqual(['exit-code', 1]);
    expect(StatusText).toBe('Stop failed: could not save');
  });

  test.concurrent('is killed and started again when its event loop hangs', async () => {
    const { unit, request } = await startSocket(
      ...[bed(), {}, 'WatchdogSec=2', 'Restart=on-failure', 'RestartSec=0'],
    );
    const first = await request('/0');
    await request('/hang');
    await bed().until(
      unit,
      ({ NRestarts, ActiveState }) => NRestarts === 1 && ActiveState === 'active',
    );
    expect(await request('/0')).not.toBe(first);
  });

  test.concurrent('replaces a worker that hangs, and goes on', async () => {
    const options = { workers: { count: 2, heartbeat: 1_000 } };
    const { unit, request } = await startSocket(
      bed(),
      options,
      'WatchdogSec=4',
      'Restart=on-failure',
    );
    await request('/0');
    const { MainPID } = await bed().show(unit);
    expect(await request('/hang')).toMatch(/ECONNRESET|UND_ERR_SOCKET/);
    const log = () => bed().journal(unit);
    await expect
      .poll(log, { timeout: 10_000 })
      .toContain('ended with signal SIGKILL and is replaced');
    expect(await request('/0')).toMatch(/^pid \d+$/);
    expect(await bed().show(unit)).toMatchObject({ MainPID, NRestarts: 0, ActiveState: 'active' });
    await bed().systemctl('stop', unit);
    expect((await bed().show(unit)).Result).toBe('success');
  });

  test.concurrent.each(['control-group', 'mixed', 'process'])(
    'with workers, stops by KillMode=%s without the loss of a request',
    async (mode) => {
      const { unit, request, requestAll } = await startSocket(
        bed(),
        { workers: 2 },
        `KillMode=${mode}`,
      );
      await request('/0');
      const answers = requestAll('/2500', '/2600', '/2700');
      await bed().until(unit, ({ StatusText }) => /^3 open/.test(StatusText));
      await bed().systemctl('stop', unit);
      expect(await answers).toEqual(Array(3).fill(expect.stringMatching(/^pid \d+$/)));
      expect((await bed().show(unit)).Result).toBe('success');
      expect(await bed().journal(unit)).not.toMatch(/warning/i);
    },
  );

  // Type=notify-reload needs systemd 253. Before, ExecReload= sends the signal.
  const reloadable = VERSION < 253 ? 'ExecReload=kill -HUP $MAINPID' : 'Type=notify-reload';

  test.concurrent(`reloads by ${reloadable}`, async () => {
    const { unit, request } = await startSocket(bed(), {}, reloadable);
    await request('/0');
    await bed().systemctl('reload', unit);
    await bed().until(unit, ({ StatusText }) => StatusText === '0 open, 1 reloads');
    expect(await bed().show(unit)).toMatchObject({ ActiveState: 'active', SubState: 'running' });
  });

  test.concurrent('stops when idle, and starts again for the next client', async () => {
    const { unit, request } = await startSocket(bed(), { idleTimeout: 300 });
    const first = await request('/0');
    await bed().until(unit, ({ ActiveState }) => ActiveState === 'inactive');
    const second = await request('/0');
    expect(second).toMatch(/^pid \d+$/);
    expect(second).not.toBe(first);
    expect((await bed().show(unit)).Result).toBe('success');
  });

  const stops = [
    ['an ExecStop= that also sends SIGTERM', 'ExecStop=/bin/kill -TERM $MAINPID'],
    [
      'an ExecStop= that sends SIGTERM three times',
      `ExecStop=/bin/sh -c 'for i in 1 2 3; do kill -TERM $MAINPID; sleep 0.2; done'`,
    ],
    ['SendSIGHUP=yes', 'SendSIGHUP=yes'],
    ['SendSIGHUP=yes for all processes', 'SendSIGHUP=yes\nKillMode=mixed'],
  ] as const;

  test.concurrent.each(
    stops.flatMap(([what, line]) =>
      [{}, { workers: 2 }].map((options) => [what, options, line] as const),
    ),
  )('with %s, loses no request, options %j', async (_, options, line) => {
    const { unit, request, requestAll } = await startSocket(bed(), options, line);
    await request('/0');
    const answers = requestAll('/3000', '/3100', '/3200');
    await bed().until(unit, ({ StatusText }) => /^3 open/.test(StatusText));
    await bed().systemctl('restart', unit);
    expect(await answers).toEqual(Array(3).fill(expect.stringMatching(/^pid \d+$/)));
    const { Result, ActiveState } = await bed().show(unit);
    expect([Result, ActiveState]).toEqual(['success', 'active']);
    expect(await bed().journal(unit)).not.toMatch(/warning/i);
    await bed().systemctl('stop', unit);
  });

  test.concurrent('says in its status why it cannot start', async () => {
    const { unit, request } = await startSocket(bed(), { name: 'web' }, 'Restart=no');
    request('/0').catch(() => undefined);
    const { StatusText } = await bed().until(unit, ({ ActiveState }) => ActiveState === 'failed');
    expect(StatusText).toMatch(/^Start failed: No socket named "web" was passed/);
  });

  test.concurrent.each([[{}], [{ workers: 2 }]])(
    'with %j, is not killed by a watchdog check that fails during the stop hook',
    async (more) => {
      const options = { failsWhileStopping: true, slowStop: 4_000, ...more };
      const { unit, request } = await startSocket(bed(), options, 'WatchdogSec=2', 'LimitCORE=0');
      await request('/0');
      await bed().systemctl('stop', unit);
      expect((await bed().show(unit)).Result).toBe('success');
      expect(await bed().journal(unit)).not.toMatch(/warning/i);
    },
  );

  test.concurrent.each([[{}], [{ workers: 2 }]])(
    'with %j, runs service.reload()',
    async (options) => {
      const { unit, request } = await startSocket(bed(), options);
      await request('/0');
      request('/reload').catch(() => undefined);
      await bed().until(unit, ({ StatusText }) => StatusText === '0 open, 1 reloads');
      expect(await bed().show(unit)).toMatchObject({ ActiveState: 'active', SubState: 'running' });
    },
  );
});
