// Notifications as a real manager reads them.
import { expect, test } from 'vitest';
import { describeInBed, puppet, VERSION } from './bed.ts';

/** Runs a child process of the service that sends a status and waits until the manager has read it. */
const CHILD = `
  const source = 'import { notify } from "libsystemd"; notify.status("By a child"); await notify.barrier()';
  const arguments_ = ['--input-type=module', '-e', source];
  await require('node:util').promisify(require('node:child_process').execFile)(process.execPath, arguments_);
`;

const UNITS = {
  'notify@.service': puppet('Type=notify'),
  'access-main@.service': puppet('Type=notify', 'NotifyAccess=main'),
  'access-all@.service': puppet('Type=notify', 'NotifyAccess=all'),
  'impatient@.service': puppet('Type=notify', 'TimeoutStartSec=1'),
  'reload-notify@.service': puppet('Type=notify-reload'), // an unknown type before 253
};

describeInBed('notifications under a service manager', [UNITS], (bed) => {
  /** Starts a puppet, runs code in it, and waits until the manager has read what the code has sent. */
  async function start(unit: string, source = ''): Promise<void> {
    await bed().systemctl('start', '--no-block', unit);
    await bed().runInService(unit, `${source}; await notify.barrier()`);
  }

  test('a Type=notify service is active at READY=1 and not before', async () => {
    await start('notify@ready');
    expect((await bed().show('notify@ready')).ActiveState).toBe('activating');
    await start('notify@ready', 'notify.ready("Here")');
    const state = await bed().show('notify@ready');
    expect(state).toMatchObject({ ActiveState: 'active', StatusText: 'Here' });
  });

  test.each([
    ['quotes', `"double" 'single' \`back\``, `"double" 'single' \`back\``],
    [
      'backslashes',
      String.raw`C:\new\table \\ and a last \ `.trim(),
      String.raw`C:\new\table \\ and a last \ `.trim(),
    ],
    ['a line break', 'one\ntwo\r\nthree', 'one two  three'],
    ['emoji and other scripts', '🚀 ünï 日本 ☃', '🚀 ünï 日本 ☃'],
    ['lines that look like assignments', 'x\nMAINPID=1\nSTOPPING=1', 'x MAINPID=1 STOPPING=1'],
    ['specifiers and variables', '100 %n $HOME', '100 %n $HOME'],
  ])('a status with %s arrives in StatusText', async (_content, status, shown) => {
    await start('notify@status', `notify.ready(${JSON.stringify(status)})`);
    const state = await bed().show('notify@status');
    expect(state).toMatchObject({ ActiveState: 'active', SubState: 'running', StatusText: shown });
  });

  test.each([
    ['a name', 'ENOENT', 2],
    ["Node's negative number", -13, 13],
    ['a number', 5, 5],
  ])('ERRNO as %s shows up as StatusErrno', async (_form, errno, shown) => {
    await start('notify@errno', `notify.send({ errno: ${JSON.stringify(errno)} })`);
    expect((await bed().show('notify@errno')).StatusErrno).toBe(shown);
  });

  // EXIT_STATUS (since 254) is meant for the manager of a container or VM. A manager only logs it when a service sends
  // it, so the test reads the log.
  test('EXIT_STATUS reaches the manager', async () => {
    await bed().systemctl('log-level', 'debug');
    await start('notify@exit', 'notify.send({ exitStatus: 7, status: "Leaving with 7" })');
    await bed().systemctl('log-level', 'info');
    const log = await bed().journal('notify@exit.service');
    expect(log).toMatch(/Got notification message .*EXIT_STATUS=7/);
    expect((await bed().show('notify@exit')).StatusText).toBe('Leaving with 7');
  });

  if (VERSION >= 257) {
    test('BUSERROR and VARLINKERROR show up', async () => {
      const errors = { busError: 'org.example.Error.Tired', varlinkError: 'org.example.Tired' };
      await start('notify@errors', `notify.send(${JSON.stringify(errors)})`);
      const state = await bed().show('notify@errors');
      expect(state.StatusBusError).toBe(errors.busError);
      expect(state.StatusVarlinkError).toBe(errors.varlinkError);
    });
  }

  test('STOPPING=1 makes the unit deactivating while the service goes on', async () => {
    await start('notify@stopping', 'notify.ready()');
    await start('notify@stopping', 'notify.stopping("Finishing")');
    const state = await bed().show('notify@stopping');
    expect(state).toMatchObject({ ActiveState: 'deactivating', StatusText: 'Finishing' });
    expect(await bed().runInService('notify@stopping', 'return process.pid')).toBe(state.MainPID);
  });

  test('EXTEND_TIMEOUT keeps a slow start alive beyond TimeoutStartSec=', async () => {
    const begun = Date.now();
    await start('impatient@plain');
    const extend = 'keep.timer = setInterval(() => notify.extendTimeout(1000), 200)';
    await start('impatient@extended', extend);
    const plain = await bed().until(
      'impatient@plain',
      ({ ActiveState }) => ActiveState === 'failed',
    );
    expect(plain.Result).toBe('timeout');
    const isLate = () => Date.now() - begun > 3000;
    const extended = await bed().until('impatient@extended', isLate);
    expect(extended.ActiveState).toBe('activating');
    await bed().runInService('impatient@extended', 'notify.ready(); await notify.barrier()');
    expect((await bed().show('impatient@extended')).ActiveState).toBe('active');
  });

  test('barrier() resolves only after the manager has read the messages before it', async () => {
    await start('notify@barrier', 'notify.ready("Before")');
    process.kill(bed().pid, 'SIGSTOP');
    try {
      const waited = await bed().runInService(
        'notify@barrier',
        `keep.passed = false;
         notify.status('After');
         keep.barrier = notify.barrier().then(() => { keep.passed = true; });
         await new Promise((resolve) => setTimeout(resolve, 300));
         return keep.passed;`,
      );
      expect(waited).toBe(false);
    } finally {
      process.kill(bed().pid, 'SIGCONT');
    }
    // The service itself runs systemctl, as soon as the barrier is passed.
    const seen = await bed().runInService<string>(
      'notify@barrier',
      `await keep.barrier;
       const show = ['show', '--property=StatusText', 'notify@barrier'];
       return require('node:child_process').execFileSync('systemctl', show, { encoding: 'utf8' });`,
    );
    expect(seen).toBe('StatusText=After\n');
  });

  test.each([
    [
      'with NotifyAccess=main the manager ignores a child, and the child gets no error',
      'access-main@1',
      'By the service',
    ],
    ['with NotifyAccess=all the manager accepts a child', 'access-all@1', 'By a child'],
  ])('%s', async (_effect, unit, shown) => {
    await start(unit, 'notify.ready("By the service")');
    await bed().runInService(unit, CHILD);
    expect((await bed().show(unit)).StatusText).toBe(shown);
  });

  if (VERSION >= 254) {
    test('NOTIFYACCESS=all makes the manager accept a child from then on', async () => {
      await start('access-main@2', 'notify.send({ ready: true, notifyAccess: "all" })');
      await bed().runInService('access-main@2', CHILD);
      expect((await bed().show('access-main@2')).StatusText).toBe('By a child');
    });
  }

  const reloads: [type: string, unit: string, command: string[]][] = [
    ['Type=notify', 'notify@reload', ['kill', '--signal=HUP']],
  ];
  if (VERSION >= 253) reloads.push(['Type=notify-reload', 'reload-notify@1', ['reload']]);
  test.each(reloads)(
    'a %s service is reloading from RELOADING=1 to READY=1',
    async (_type, unit, command) => {
      const onReload = `process.on('SIGHUP', () => notify.reloading('Reading'))`;
      await start(unit, `${onReload}; notify.ready('Serving')`);
      const reloaded = bed().systemctl(...command, unit);
      const state = await bed().until(unit, ({ StatusText }) => StatusText === 'Reading');
      expect(state.ActiveState).toBe('reloading');
      await bed().runInService(unit, `notify.ready('Serving anew'); await notify.barrier()`);
      await reloaded;
      const { MainPID } = state;
      const after = await bed().show(unit);
      expect(after).toMatchObject({ ActiveState: 'active', StatusText: 'Serving anew', MainPID });
    },
  );

  if (VERSION >= 262) {
    test('a Type=notify-reload service without a SIGHUP handler fails to start', async () => {
      await bed().systemctl('start', '--no-block', 'reload-notify@deaf');
      const ready = bed().runInService(
        'reload-notify@deaf',
        'notify.ready(); await new Promise(() => {})',
      );
      await expect(ready).rejects.toThrow('lacks handler for reload signal HUP');
      const isFailed = ({ ActiveState }: { ActiveState: string }) => ActiveState === 'failed';
      expect((await bed().until('reload-notify@deaf', isFailed)).Result).toBe('protocol');
    });
  }
});
