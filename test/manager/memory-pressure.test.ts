// Memory pressure under a real manager: from 254 on it names the file of the unit's own cgroup.
import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { PressedCgroup, whyNoPressure } from '../support/pressed-cgroup.ts';
import { describeInBed, puppet, VERSION } from './bed.ts';

/** The first version that sets the variables. */
const SINCE = 254;

const UNITS = {
  'plain.service': puppet('Type=exec'),
  'off.service': puppet('Type=exec', 'MemoryPressureWatch=off'),
};

const WATCH = 'return onMemoryPressure(() => {}).source ?? null;';

/** A unit whose user is not root, and that writes what is watched into a file. */
const UNPRIVILEGED = [
  '[Service]',
  'Type=oneshot',
  'DynamicUser=yes',
  'ExecStart=/usr/bin/node /opt/ask.mjs',
  'StandardOutput=truncate:/run/dynamic',
  '',
].join('\n');

const ASK = `
  import { onMemoryPressure } from 'libsystemd';
  console.log(onMemoryPressure(() => {}).source ?? null);
`;

/** Watches in a service, and stays. The next code asks for `keep.told`. */
const KEEP = `
  const fallback = ${VERSION < SINCE} && 'cgroup';
  keep.told = [];
  keep.watch = onMemoryPressure(({ stalled }) => keep.told.push(stalled), { collect: true, fallback });
  return keep.watch.source;
`;

describeInBed('memory pressure', [UNITS], (bed) => {
  const fileOf = (unit: string) => `/sys/fs/cgroup/system.slice/${unit}/memory.pressure`;

  test('the manager names the file of the cgroup of the unit', async () => {
    await bed().systemctl('start', 'plain');
    const expected = VERSION < SINCE ? null : fileOf('plain.service');
    expect(await bed().runInService('plain', WATCH)).toBe(expected);
    await bed().systemctl('stop', 'plain');
  });

  test('a user that is not root may watch', async () => {
    writeFileSync(bed().path('/opt/ask.mjs'), ASK);
    await bed().add({ 'dynamic.service': UNPRIVILEGED });
    await bed().systemctl('start', 'dynamic');
    const expected = VERSION < SINCE ? 'null' : fileOf('dynamic.service');
    expect(readFileSync(bed().path('/run/dynamic'), 'utf8').trim()).toBe(expected);
  });

  test('MemoryPressureWatch=off is off', async () => {
    await bed().systemctl('start', 'off');
    expect(await bed().runInService('off', WATCH)).toBeNull();
    await bed().systemctl('stop', 'off');
  });

  test('in a process of root the fallback is the same file, which the manager need not name', async () => {
    await bed().systemctl('start', 'plain');
    const source = `
      delete process.env.MEMORY_PRESSURE_WATCH;
      return onMemoryPressure(() => {}, { fallback: 'cgroup' }).source;`;
    expect(await bed().runInService('plain', source)).toBe(fileOf('plain.service'));
    await bed().systemctl('stop', 'plain');
  });

  const reason = whyNoPressure();
  describe.skipIf(reason)(reason === undefined ? 'under pressure' : `skipped: ${reason}`, () => {
    test('the service is told how long it has waited', async () => {
      await bed().systemctl('start', 'plain');
      await bed().runInService('plain', KEEP);
      await using group = new PressedCgroup(
        bed().path('/sys/fs/cgroup/system.slice/plain.service'),
      );
      group.squeeze();
      const told =
        'while (keep.told.length < 2) await new Promise((done) => setTimeout(done, 10)); return keep.told;';
      const [first] = await bed().runInService<number[]>('plain', told);
      expect(first).toBeGreaterThan(200);
      await group.relax();
      await bed().systemctl('stop', 'plain');
    });
  });
});
