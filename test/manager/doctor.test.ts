// diagnose() and `npx libsystemd doctor` about services of a real manager that run, start, or have failed.
import { writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { Diagnosis } from '../../lib/doctor.ts';
import { type Bed, describeInBed, puppet } from './bed.ts';
import { badCodes, diagnose, SOUND, sound, soundSocket } from './sound-units.ts';

/** Runs the command in the bed. */
async function doctor(bed: Bed, ...args: string[]) {
  const cli = '/opt/node_modules/libsystemd/dist/cli.js';
  try {
    return { stdout: await bed.run('node', cli, 'doctor', ...args), code: 0 };
  } catch (error) {
    return error as { stdout: string; code: number };
  }
}

describeInBed('the doctor', [], (bed) => {
  test('finds nothing in a sound service, which runs or not', async () => {
    await bed().add({ 'sound.service': sound('sound'), 'sound.socket': soundSocket() });
    await bed().systemctl('start', 'sound.socket');
    expect(badCodes(await diagnose(bed(), { unit: 'sound.service' }))).toEqual([]);
    await bed().systemctl('start', 'sound.service');
    const { unit, isHealthy, findings } = await diagnose(bed(), { unit: 'sound' });
    expect({ unit, isHealthy }).toEqual({ unit: 'sound.service', isHealthy: true });
    const codes = [...new Set(findings.map(({ code }) => code))];
    expect(codes).toEqual([
      ...['systemd', 'load', 'type', 'notify-access', 'between', 'watchdog', 'restart', 'fd-store'],
      ...[
        'directory',
        'sockets',
        'requires',
        'backlog',
        'trigger-limit',
        'dependency',
        'hardening',
      ],
      ...['state', 'pings', 'verify', 'score', 'libsystemd'],
    ]);
  });

  test('reads unit files that are not loaded, and says that systemd was not asked', async () => {
    const file = '/run/elsewhere.service';
    writeFileSync(bed().path(file), sound('elsewhere'));
    writeFileSync(bed().path('/run/elsewhere.socket'), soundSocket());
    const { unit, findings } = await diagnose(bed(), { file });
    expect(unit).toBe('elsewhere.service');
    expect(findings[0]?.message).toMatch(/^systemd \d+ was not asked: only the files were read$/);
    expect(findings.filter(({ level }) => level === 'bad')).toEqual([]);
  });

  test('a unit that does not exist is said to be none', async () => {
    const { findings } = await diagnose(bed(), { unit: 'no-such' });
    expect(findings).toContainEqual(
      expect.objectContaining({ level: 'bad', message: 'systemd has no unit no-such.service' }),
    );
  });

  test.each<[string, string, readonly string[], string]>([
    ['exits before READY=1', `exec node -e 0`, ['Type=notify'], 'result protocol'],
    [
      'never says READY=1',
      'exec sleep 60',
      ['Type=notify', 'TimeoutStartSec=1'],
      'it did not say READY=1',
    ],
    ['has no such program', '/nowhere', ['Type=notify'], '203/EXEC'],
    ['is a script without its first line', '/run/script', ['Type=notify'], '203/EXEC'],
    [
      'never pings',
      'systemd-notify --ready; exec sleep 60',
      ['Type=notify', 'NotifyAccess=all', 'WatchdogSec=1'],
      'result watchdog',
    ],
    [
      'ends with 143',
      'exec node -e "process.exit(143)"',
      ['Type=exec'],
      'exit(143) counts as a failure',
    ],
    [
      'is killed by a filter',
      'exec node -e 0',
      ['Type=exec', 'SystemCallFilter=~@file-system'],
      'SIGSYS',
    ],
    [
      'fails too often',
      'exit 1',
      ['Type=exec', 'Restart=always', 'RestartSec=1ms', 'StartLimitBurst=2'],
      'systemd gave up after',
    ],
  ])('tells why a service failed: it %s', async (what, script, lines, message) => {
    const name = `failed-${what.replace(/\W/g, '-')}`;
    writeFileSync(bed().path('/run/script'), 'exit 0\n', { mode: 0o755 });
    const start = script.startsWith('/') ? script : `/bin/sh -c '${script}'`;
    const text = `[Service]\nExecStart=${start}\n${lines.join('\n')}\n`;
    await bed().add({ [`${name}.service`]: text });
    await bed()
      .systemctl('start', `${name}.service`)
      .catch(() => {});
    await bed().until(`${name}.service`, ({ ActiveState }) => ActiveState === 'failed');
    const { findings } = await diagnose(bed(), { unit: name });
    const state = findings.find(({ code }) => code === 'state');
    expect(state).toMatchObject({ level: 'bad' });
    expect(state?.message).toContain(`${name}.service is failed`);
    expect(state?.message).toContain(message);
  });

  test('sees a service that waits for READY=1', async () => {
    await bed().add({ 'waits.service': '[Service]\nType=notify\nExecStart=/bin/sleep 60\n' });
    await bed().systemctl('start', '--no-block', 'waits.service');
    await bed().until('waits.service', ({ SubState }) => SubState === 'start');
    expect(badCodes(await diagnose(bed(), { unit: 'waits' }))).toContain('state');
  });

  test('sees that no pings come, before the watchdog kills', async () => {
    await bed().add({ 'silent.service': puppet('Type=notify', 'WatchdogSec=30') });
    await bed().systemctl('start', '--no-block', 'silent.service');
    await bed().runInService('silent', 'notify.ready();');
    await sleep(23_000); // more than three quarters of the timeout, and seconds before the kill
    const { findings } = await diagnose(bed(), { unit: 'silent' });
    expect(findings).toContainEqual(
      expect.objectContaining({ code: 'pings', level: 'bad', lines: ['watchdog.start()'] }),
    );
  });

  test('sees a full fd store', async () => {
    await bed().add({ 'full.service': puppet('Type=notify', 'FileDescriptorStoreMax=1') });
    await bed().systemctl('start', '--no-block', 'full.service');
    await bed().runInService(
      'full',
      `fdStore.save('a', Buffer.from('x')); notify.ready(); await notify.barrier();`,
    );
    const { findings } = await diagnose(bed(), { unit: 'full' });
    expect(findings).toContainEqual(
      expect.objectContaining({
        code: 'fd-store',
        level: 'bad',
        lines: ['FileDescriptorStoreMax=2'],
      }),
    );
  });

  test.each([
    ['shell', "/bin/sh -c '/usr/bin/node PROGRAM; true'", 'the sockets are for process'],
    [
      'systemfd',
      '/usr/bin/env -u LISTEN_PID /usr/bin/node PROGRAM',
      'systemfd --no-pid and watchexec leave LISTEN_PID out',
    ],
  ])('sees in the processes whose sockets they are: %s', async (name, line, message) => {
    const program = '/opt/node_modules/libsystemd/test/manager/programs/puppet.mjs /run/%N.puppet';
    const unit = `pid-${name}`;
    await bed().add({
      [`${unit}.service`]: `[Unit]\nRequires=${unit}.socket\n[Service]\nType=exec\nExecStart=${line.replace('PROGRAM', program)}\n`,
      [`${unit}.socket`]: soundSocket(),
    });
    await bed().systemctl('start', `${unit}.service`);
    await bed().runInService(unit, 'return 1;');
    const { findings } = await diagnose(bed(), { unit });
    const found = findings.filter(({ code }) => code === 'listen-pid');
    expect(found.map((finding) => finding.message)).toEqual([expect.stringContaining(message)]);
  });

  test.each([
    ['one port', '127.0.0.1:9590', '127.0.0.1:9590', [], 'can be opened (EADDRINUSE)'],
    ['every address and one of them', '9591', '127.0.0.1:9591', [], 'can be opened (EADDRINUSE)'],
    ['both families', '0.0.0.0:9592', '[::]:9592', [], 'which is every IPv4 address too'],
    ['one path', '/run/two.sock', '/run/two.sock', [], 'who starts last takes the path'],
    ['both families apart', '0.0.0.0:9593', '[::]:9593', ['BindIPv6Only=ipv6-only'], undefined],
    ['a shared port', '127.0.0.1:9594', '127.0.0.1:9594', ['ReusePort=yes'], undefined],
    ['other ports', '127.0.0.1:9595', '127.0.0.1:9596', [], undefined],
  ])('sees two socket units on one address: %s', async (what, one, other, lines, message) => {
    const [name, second] = [
      `one-${what.replaceAll(' ', '-')}`,
      `other-${what.replaceAll(' ', '-')}`,
    ];
    const socket = (address: string) =>
      ['[Socket]', `ListenStream=${address}`, ...lines, ''].join('\n');
    await bed().add({
      [`${name}.service`]: sound(name),
      [`${name}.socket`]: socket(one),
      [`${second}.service`]: sound(second),
      [`${second}.socket`]: socket(other),
    });
    await bed().systemctl('start', `${second}.socket`);
    const starts = await bed()
      .systemctl('start', `${name}.socket`)
      .then(
        () => true,
        () => false,
      );
    const { findings } = await diagnose(bed(), { unit: name });
    const found = findings.filter(({ code }) => code === 'address');
    expect(found.map((finding) => [finding.level, finding.message])).toEqual(
      message === undefined ? [] : [['bad', expect.stringContaining(message)]],
    );
    expect(starts).toBe(message === undefined || one.startsWith('/'));
  });

  test('sees a socket that is not started, and files that have changed', async () => {
    await bed().add({ 'late.service': sound('late'), 'late.socket': soundSocket() });
    expect(badCodes(await diagnose(bed(), { unit: 'late' }))).toEqual(['socket-state']);
    await bed().systemctl('start', 'late.socket');
    await sleep(1100); // systemd compares modification times
    writeFileSync(bed().path('/run/units/late.service'), sound('late', ['RestartSec=3']));
    expect(badCodes(await diagnose(bed(), { unit: 'late' }))).toEqual(['daemon-reload']);
    await bed().systemctl('daemon-reload');
  });

  test('diagnoses the service that it is called in', async () => {
    await bed().add({ 'inside.service': puppet(...SOUND), 'inside.socket': soundSocket() });
    await bed().systemctl('start', '--no-block', 'inside.service');
    const inside = await bed().runInService<Diagnosis>(
      'inside',
      `notify.ready(); await notify.barrier();
       const { diagnose } = await require('libsystemd/doctor');
       return await diagnose();`,
    );
    expect(inside.unit).toBe('inside.service');
    expect(inside.findings[0]).toMatchObject({ code: 'notify-socket', level: 'good' });
    expect(badCodes(inside)).toEqual(['requires', 'socket-state']);
  });

  test.each([
    ['a cgroup that a service has made', '/a.slice/own.service/other.service', 'own.service'],
    [
      "a service of a user's own manager",
      '/user.slice/user-1000.slice/user@1000.service/app.slice/mine.service',
      undefined,
    ],
    ['the session of a user', '/user.slice/user-1000.slice/session-3.scope', undefined],
  ])('asked about itself in %s, below %s, it names %s', async (_what, path, unit) => {
    const inside = await bed().evaluate<Diagnosis>(`
      import { mkdirSync, writeFileSync } from 'node:fs';
      import { diagnose } from 'libsystemd/doctor';
      const folder = '/sys/fs/cgroup${path}';
      mkdirSync(folder, { recursive: true });
      writeFileSync(folder + '/cgroup.procs', String(process.pid));
      result(await diagnose());
    `);
    expect(inside.unit).toBe(unit);
  });

  test('in ExecStartPre= of a sound service it finds nothing, and the service starts', async () => {
    const cli = '/opt/node_modules/libsystemd/dist/cli.js';
    const extra = [`ExecStartPre=/usr/bin/node ${cli} doctor --json`];
    await bed().add({ 'before.service': sound('before', extra), 'before.socket': soundSocket() });
    await bed().systemctl('start', 'before.socket', 'before.service');
    const line = (await bed().journal('before.service'))
      .split('\n')
      .find((one) => one.startsWith('{"unit"'));
    const diagnosis: Diagnosis = JSON.parse(line ?? '{}');
    expect(diagnosis.unit).toBe('before.service');
    expect(diagnosis.findings.filter(({ level }) => level === 'bad')).toEqual([]);
    expect(diagnosis.findings[0]).toMatchObject({ code: 'notify-socket', level: 'good' });
    expect(diagnosis.findings).toContainEqual(
      expect.objectContaining({ message: 'before.service is activating (start-pre)' }),
    );
  });

  test('a service that asks about itself before it is ready is told of no fault', async () => {
    await bed().add({
      'asks.service': `[Unit]\nRequires=asks.socket\n${puppet(...SOUND)}`,
      'asks.socket': soundSocket(),
    });
    await bed().systemctl('start', '--no-block', 'asks.service');
    const inside = await bed().runInService<Diagnosis>(
      'asks',
      `const { diagnose } = await require('libsystemd/doctor'); return await diagnose();`,
    );
    expect(badCodes(inside)).toEqual([]);
    expect(inside.findings).toContainEqual(
      expect.objectContaining({ code: 'state', level: 'advice' }),
    );
  });

  test('prints marks, messages and lines to add, and exits with 1 for a fault', async () => {
    await bed().add({
      'printed.service': sound('printed', ['Type=exec']),
      'printed.socket': soundSocket(),
    });
    await bed().systemctl('start', 'printed.socket');
    const { stdout, code } = await doctor(bed(), '--unit', 'printed');
    expect(code).toBe(1);
    expect(stdout).toContain(
      '\n✖ Type=exec: systemd does not wait until the program serves\n      Type=notify\n',
    );
    expect(stdout).toMatch(/^✓ systemd \d+\n✓ printed\.service: systemd knows every setting\n/);
    expect(stdout).not.toContain('\u001b');
    const json = await doctor(bed(), '--unit', 'sound', '--json');
    expect(json.code).toBe(0);
    expect(JSON.parse(json.stdout)).toMatchObject({ unit: 'sound.service', isHealthy: true });
  });
});
