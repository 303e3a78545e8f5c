// A service by serve(), as its manager sees it.
import { expect, test } from 'vitest';
import { type Bed, describeInBed, service, VERSION } from './bed.ts';

let lastPort = 9500;

interface Started {
  readonly unit: string;
  /** What clients get that ask for these paths, all at once. */
  askAll(...paths: readonly string[]): Promise<string[]>;
  ask(path: string): Promise<string>;
}

/** A socket and its service, not running yet. */
async function listening(bed: Bed, options: object, ...lines: string[]): Promise<Started> {
  const port = ++lastPort;
  const name = `serve-${port}`;
  const program = `serve.mjs '${JSON.stringify(options)}'`;
  await bed.add({
    [`${name}.socket`]: `[Socket]\nListenStream=127.0.0.1:${port}\n`,
    [`${name}.service`]: service(program, 'Type=notify', ...lines),
  });
  await bed.systemctl('start', `${name}.socket`);
  const askAll = (...paths: readonly string[]) =>
    bed.evaluate<string[]>(`
      const ask = async (path) => {
        const answer = await fetch('http://127.0.0.1:${port}' + path).catch(({ cause }) => cause);
        return answer.text ? await answer.text() : answer.code;
      };
      result(await Promise.all(${JSON.stringify(paths)}.map(ask)));
    `);
  const ask = async (path: string) => (await askAll(path))[0] as string;
  return { unit: `${name}.service`, askAll, ask };
}

// Five at once: each waits for most of its time.
describeInBed('a service by serve()', [], (bed) => {
  test.concurrent('is ready with its status, and stops with success', async () => {
    const { unit, ask } = await listening(bed(), {});
    expect(await ask('/0')).toMatch(/^pid \d+$/);
    await bed().until(unit, ({ StatusText }) => StatusText === '0 open, 0 reloads');
    await bed().systemctl('stop', unit);
    const { ActiveState, Result, ExecMainStatus } = await bed().show(unit);
    expect([ActiveState, Result, ExecMainStatus]).toEqual(['inactive', 'success', 0]);
  });

  test.concurrent('may take longer to drain than TimeoutStopSec=, for it asks for more time', async () => {
    const { unit, ask } = await listening(bed(), {}, 'TimeoutStopSec=2');
    await ask('/0');
    const answer = ask('/5000');
    await bed().until(unit, ({ StatusText }) => /^1 open/.test(StatusText));
    await bed().systemctl('stop', unit);
    expect(await answer).toMatch(/^pid \d+$/);
    expect((await bed().show(unit)).Result).toBe('success');
  });

  test.concurrent('fails by its stop hook, and the status says why', async () => {
    const { unit, ask } = await listening(bed(), { failingStop: true });
    await ask('/0');
    await bed().systemctl('stop', unit);
    const { Result, ExecMainStatus, StatusText } = await bed().show(unit);
    expect([Result, ExecMainStatus]).toEqual(['exit-code', 1]);
    expect(StatusText).toBe('Stop failed: could not save');
  });

  test.concurrent('is killed when it hangs, and started again', async () => {
    const { unit, ask } = await listening(
      ...[bed(), {}, 'WatchdogSec=2', 'Restart=on-failure', 'RestartSec=0'],
    );
    const first = await ask('/0');
    await ask('/hang');
    await bed().until(
      unit,
      ({ NRestarts, ActiveState }) => NRestarts === 1 && ActiveState === 'active',
    );
    expect(await ask('/0')).not.toBe(first);
  });

  test.concurrent('with workers, one that hangs is replaced and the service goes on', async () => {
    const options = { workers: { count: 2, heartbeat: 1_000 } };
    const { unit, ask } = await listening(bed(), options, 'WatchdogSec=4', 'Restart=on-failure');
    await ask('/0');
    const { MainPID } = await bed().show(unit);
    expect(await ask('/hang')).toMatch(/ECONNRESET|UND_ERR_SOCKET/);
    const log = () => bed().journal(unit);
    await expect
      .poll(log, { timeout: 10_000 })
      .toContain('ended with signal SIGKILL and is replaced');
    expect(await ask('/0')).toMatch(/^pid \d+$/);
    expect(await bed().show(unit)).toMatchObject({ MainPID, NRestarts: 0, ActiveState: 'active' });
    await bed().systemctl('stop', unit);
    expect((await bed().show(unit)).Result).toBe('success');
  });

  test.concurrent.each(['control-group', 'mixed', 'process'])(
    'with workers, KillMode=%s stops it without the loss of a request',
    async (mode) => {
      const { unit, ask, askAll } = await listening(bed(), { workers: 2 }, `KillMode=${mode}`);
      await ask('/0');
      const answers = askAll('/2500', '/2600', '/2700');
      await bed().until(unit, ({ StatusText }) => /^3 open/.test(StatusText));
      await bed().systemctl('stop', unit);
      expect(await answers).toEqual(Array(3).fill(expect.stringMatching(/^pid \d+$/)));
      expect((await bed().show(unit)).Result).toBe('success');
      expect(await bed().journal(unit)).not.toMatch(/warning/i);
    },
  );

  // Type=notify-reload came with 253; before, a reload is a command.
  const reloadable = VERSION < 253 ? 'ExecReload=kill -HUP $MAINPID' : 'Type=notify-reload';

  test.concurrent(`reloads by ${reloadable}`, async () => {
    const { unit, ask } = await listening(bed(), {}, reloadable);
    await ask('/0');
    await bed().systemctl('reload', unit);
    await bed().until(unit, ({ StatusText }) => StatusText === '0 open, 1 reloads');
    expect(await bed().show(unit)).toMatchObject({ ActiveState: 'active', SubState: 'running' });
  });

  test.concurrent('stops when idle, and starts again for the next client', async () => {
    const { unit, ask } = await listening(bed(), { idleTimeout: 300 });
    const first = await ask('/0');
    await bed().until(unit, ({ ActiveState }) => ActiveState === 'inactive');
    const second = await ask('/0');
    expect(second).toMatch(/^pid \d+$/);
    expect(second).not.toBe(first);
    expect((await bed().show(unit)).Result).toBe('success');
  });

  const stops = [
    ['ExecStop= that sends SIGTERM too', 'ExecStop=/bin/kill -TERM $MAINPID'],
    [
      'ExecStop= that sends it some times',
      `ExecStop=/bin/sh -c 'for i in 1 2 3; do kill -TERM $MAINPID; sleep 0.2; done'`,
    ],
    ['SendSIGHUP=yes', 'SendSIGHUP=yes'],
    ['SendSIGHUP=yes for all processes', 'SendSIGHUP=yes\nKillMode=mixed'],
  ] as const;

  test.concurrent.each(
    stops.flatMap(([what, line]) =>
      [{}, { workers: 2 }].map((options) => [what, options, line] as const),
    ),
  )('%s loses no request, options %j', async (_, options, line) => {
    const { unit, ask, askAll } = await listening(bed(), options, line);
    await ask('/0');
    const answers = askAll('/3000', '/3100', '/3200');
    await bed().until(unit, ({ StatusText }) => /^3 open/.test(StatusText));
    await bed().systemctl('restart', unit);
    expect(await answers).toEqual(Array(3).fill(expect.stringMatching(/^pid \d+$/)));
    const { Result, ActiveState } = await bed().show(unit);
    expect([Result, ActiveState]).toEqual(['success', 'active']);
    expect(await bed().journal(unit)).not.toMatch(/warning/i);
    await bed().systemctl('stop', unit);
  });

  test.concurrent('that can not start says why in its status', async () => {
    const { unit, ask } = await listening(bed(), { name: 'web' }, 'Restart=no');
    ask('/0').catch(() => undefined);
    const { StatusText } = await bed().until(unit, ({ ActiveState }) => ActiveState === 'failed');
    expect(StatusText).toMatch(/^Start failed: No socket named "web" was passed/);
  });

  test.concurrent.each([[{}], [{ workers: 2 }]])(
    'with %j, a check that fails once the stop hook has begun cuts nothing',
    async (more) => {
      const options = { closedByStop: true, slowStop: 4_000, ...more };
      const { unit, ask } = await listening(bed(), options, 'WatchdogSec=2', 'LimitCORE=0');
      await ask('/0');
      await bed().systemctl('stop', unit);
      expect((await bed().show(unit)).Result).toBe('success');
      expect(await bed().journal(unit)).not.toMatch(/warning/i);
    },
  );

  test.concurrent.each([[{}], [{ workers: 2 }]])(
    'with %j, service.reload() is seen',
    async (options) => {
      const { unit, ask } = await listening(bed(), options);
      await ask('/0');
      ask('/reload').catch(() => undefined);
      await bed().until(unit, ({ StatusText }) => StatusText === '0 open, 1 reloads');
      expect(await bed().show(unit)).toMatchObject({ ActiveState: 'active', SubState: 'running' });
    },
  );
});
