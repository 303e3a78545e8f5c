// The versions of systemd and libsystemd in a bed are the requested ones.
import { expect, test } from 'vitest';
import { describeInBed, puppet, VERSION } from './bed.ts';

const UNITS = {
  'activated.socket': '[Socket]\nListenStream=/run/activated.sk\n',
  'activated.service': puppet('Type=notify'),
};

describeInBed(`systemd ${VERSION}`, [UNITS], (bed) => {
  test('the manager of the bed has this version', async () => {
    expect(await bed().systemctl('--version')).toMatch(new RegExp(`^systemd ${VERSION}\\b`));
  });

  test.each([
    ['sd_pid_notify_barrier', 'sd.sd_pid_notify_barrier(process.pid, false, 5_000_000)', 254, true],
    ['sd_pidfd_get_inode_id', 'sd.sd_pidfd_get_inode_id(0)', 258, 'EBADF'],
  ])('%s is built in before the version that has it', async (name, call, since, outcome) => {
    await bed().systemctl('start', 'activated.socket');
    await bed().systemctl('start', '--no-block', 'activated.service');
    const source = `
      const isBuiltIn = sd.implementation.builtin.includes('${name}');
      try { return [${call}, isBuiltIn] } catch ({ code }) { return [code, isBuiltIn] }`;
    const answer = await bed().runInService('activated', source);
    expect(answer).toEqual([outcome, VERSION < since]);
  });

  test('LISTEN_PIDFDID is passed from 259 on, is accepted, and is removed like the other variables', async () => {
    await bed().systemctl('start', 'activated.socket');
    await bed().systemctl('start', '--no-block', 'activated.service');
    const variables = `Object.keys(process.env).filter((name) => name.startsWith('LISTEN_')).sort()`;
    const source = `return [${variables}, listenFds().length, ${variables}]`;
    const passed = ['LISTEN_FDNAMES', 'LISTEN_FDS', 'LISTEN_PID'];
    if (VERSION >= 259) passed.push('LISTEN_PIDFDID');
    expect(await bed().runInService('activated', source)).toEqual([passed, 1, []]);
  });

  test('sd_pidfd_get_inode_id returns the inode of a pidfd', async () => {
    const source = `
      import { fstatSync } from 'node:fs';
      import { sd_pidfd_get_inode_id } from 'libsystemd/sd';
      console.log(sd_pidfd_get_inode_id(3) === fstatSync(3, { bigint: true }).ino);
    `;
    const program = ['node', '--input-type=module', '-e', source];
    expect(await bed().run('build/tools/launch', 'pidfd', '--', ...program)).toBe('true\n');
  });
});
