// What the rules ask of the world, and what they say about each line of a message. How a real manager treats the same
// services is in comparison.test.ts.
import { expect, test } from 'vitest';
import { RecordedService } from './recorded-world.ts';

/** A service of Type=notify that is running. */
function running(settings: ConstructorParameters<typeof RecordedService>[0] = {}): RecordedService {
  const service = new RecordedService(settings);
  service.rules.start();
  service.send('READY=1');
  return service;
}

test('each stage of a life asks for its process, with the variables that the manager sets', () => {
  const command = (name: string) => [{ argv: [`/bin/${name}`] }];
  const service = new RecordedService({
    notifyAccess: 'all',
    watchdogTimeout: 2000,
    fdStoreMax: 3,
    startPre: command('pre'),
    startPost: command('post'),
    reload: command('reload'),
    stop: command('stop'),
    stopPost: command('stop-post'),
  });
  const { rules, world } = service;
  rules.start();
  service.end(101);
  service.send('FDSTORE=1', { fds: [7] });
  service.send('READY=1');
  service.end(103);
  rules.reload();
  service.end(104);
  rules.stop();
  service.end(105);
  service.end(102, { signal: 'SIGTERM' });
  service.end(106);
  expect(rules.subState).toBe('dead');
  const common = { FDSTORE: '3' };
  const main = { MAINPID: '102', MAINPIDFDID: '102000' };
  const result = { SERVICE_RESULT: 'success' };
  expect(
    world.requests.map(({ role, command, variables }) => [role, command.argv[0], variables]),
  ).toEqual([
    ['control', '/bin/pre', common],
    ['main', '/bin/daemon', { ...common, WATCHDOG_USEC: '2000000' }],
    ['control', '/bin/post', { ...common, ...main }],
    ['control', '/bin/reload', { ...common, ...main }],
    ['control', '/bin/stop', { ...common, ...main, ...result }],
    [
      'control',
      '/bin/stop-post',
      { ...common, ...result, EXIT_CODE: 'killed', EXIT_STATUS: 'TERM' },
    ],
  ]);
  expect(world.signals).toEqual(['SIGTERM 102']);
  expect(world.closed).toEqual([7]);
});

test.each<[access: 'none' | 'main' | 'exec' | 'all', main: boolean, control: boolean]>([
  ['none', false, false],
  ['main', true, false],
  ['exec', true, true],
  ['all', true, true],
])(
  'NotifyAccess=%s: the main process may notify: %s, a control process: %s',
  (access, main, control) => {
    const settings = { type: 'simple', startPre: [{ argv: ['/bin/pre'] }] } as const;
    const service = new RecordedService({ ...settings, notifyAccess: access });
    service.rules.start();
    service.end(101);
    expect(service.world.requests.map(({ mayNotify }) => mayNotify)).toEqual([control, main]);
  },
);

test('a restart passes the fd store, the newest descriptor first, and a stop closes it', () => {
  const service = running({ fdStoreMax: 2 });
  service.send('FDSTORE=1\nFDNAME=one', { fds: [11] });
  service.send('FDSTORE=1\nFDNAME=two\nFDPOLL=0', { fds: [12] });
  expect(service.world.watched).toEqual([11]);
  service.rules.restart();
  service.end(101, { signal: 'SIGTERM' });
  expect(service.world.requests[1]?.stored).toEqual([
    { fd: 12, name: 'two', poll: false },
    { fd: 11, name: 'one', poll: true },
  ]);
  service.rules.stop();
  service.end(102, { signal: 'SIGTERM' });
  expect(service.world.closed).toEqual([12, 11]);
});

test('descriptors that nobody asked for, or that are not stored, are closed', () => {
  const service = running({ fdStoreMax: 1 });
  service.send('STATUS=x', { fds: [21, 22] });
  service.send('FDSTORE=1', { fds: [23, 24] });
  service.send('FDSTORE=1', { fds: [25], pid: 4 });
  service.send('FDSTORE=1\0\0', { fds: [26] });
  service.send('BARRIER=1', { fds: [27], pid: 4 });
  expect(service.world.closed).toEqual([21, 22, 24, 25, 26, 27]);
  expect(service.rules.stored).toEqual([{ fd: 23, name: 'stored', poll: true }]);
});

test.each<[what: string, text: string, fates: readonly string[]]>([
  [
    'flags are whole lines',
    'READY=1 \nREADY=0\nready=1',
    [
      'ignored: only a whole line READY=1 means something',
      'ignored: only a whole line READY=1 means something',
      'unknown',
    ],
  ],
  [
    'the first line of a key counts',
    'STATUS=a\nSTATUS=b',
    ['taken', 'ignored: only the first line with STATUS= counts'],
  ],
  [
    'STOPPING=1 goes before READY=1',
    'READY=1\nSTOPPING=1',
    ['ignored: in this message, STOPPING=1 counts instead', 'taken'],
  ],
  [
    'a number has to be one',
    'EXTEND_TIMEOUT_USEC=9 \nWATCHDOG_USEC=-1\nERRNO=4096\nMAINPID=x',
    [
      'ignored: it is no number of microseconds',
      'ignored: it is no number of microseconds',
      "ignored: it is neither an errno's name nor a number from 0 to 4095",
      'ignored: it is no process id',
    ],
  ],
  [
    'private assignments are nobody’s business',
    'X_A=1\nEXIT_STATUS=3',
    ['ignored: the manager takes no notice of it', 'ignored: the manager takes no notice of it'],
  ],
  [
    'a barrier has to be alone',
    'BARRIER=1\nSTATUS=a',
    [
      'ignored: BARRIER=1 has to be alone in its message',
      'ignored: BARRIER=1 has to be alone in its message',
    ],
  ],
  [
    'a name needs something to name',
    'FDNAME=x',
    ['ignored: neither FDSTORE=1 nor FDSTOREREMOVE=1 is in the same message'],
  ],
])('%s', (_what, text, fates) => {
  expect(running().fates(text)).toEqual(fates);
});

test.each<[line: string, since: number]>([
  ['NOTIFYACCESS=all', 254],
  ['BUSERROR=org.example.Failed', 257],
  ['MAINPIDFD=1', 257],
  ['RESTART_RESET=1', 258],
])('%s is unknown to releases before %i', (line, since) => {
  expect(running({ systemd: since - 1 }).fates(line)[0]).toContain('unknown');
  expect(running({ systemd: since }).fates(line)[0]).not.toContain('unknown');
});

test('a reload by signal says what its messages lack', () => {
  const service = running({ type: 'notify-reload' });
  service.rules.reload();
  const begin = service.world.now();
  const fate = (text: string) => service.fates(text)[0];
  expect(service.world.signals).toEqual(['SIGHUP 101']);
  expect(fate('READY=1')).toContain('has to say RELOADING=1 with MONOTONIC_USEC= first');
  expect(fate('RELOADING=1')).toContain('MONOTONIC_USEC= is not in the same message');
  expect(fate(`RELOADING=1\nMONOTONIC_USEC=${begin - 1n}`)).toContain('is older');
  expect(service.rules.subState).toBe('reload-signal');
  expect(service.fates(`RELOADING=1\nMONOTONIC_USEC=${begin}\nREADY=1`)).toEqual(
    Array(3).fill('taken'),
  );
  expect(service.rules).toMatchObject({ subState: 'running', reloadResult: 'success' });
});

test('the watchdog counts from the arrival of a message, not from when somebody reads it', () => {
  const service = running({ watchdogTimeout: 1000 });
  const bytes = Buffer.from('WATCHDOG=1');
  const at = service.world.now() + 900_000n;
  service.world.time += 1_500_000n;
  service.rules.message({ bytes, pid: 101, uid: 0, gid: 0, fds: [], at });
  service.rules.expired();
  expect(service.rules.subState).toBe('running');
  service.pass(400);
  expect(service.rules).toMatchObject({ subState: 'stop-watchdog', result: 'watchdog' });
});

test('the log has the lines that a manager writes', () => {
  const service = running({ restart: 'on-failure', startLimit: { burst: 1, interval: 10_000 } });
  service.end(101, { code: 3 });
  service.pass(100);
  expect(service.rules.log).toEqual([
    'unit.service: Main process exited, code=exited, status=3/NOTIMPLEMENTED',
    "unit.service: Failed with result 'exit-code'.",
    'unit.service: Scheduled restart job, restart counter is at 1.',
    'unit.service: Start request repeated too quickly.',
    "unit.service: Failed with result 'start-limit-hit'.",
  ]);
});
