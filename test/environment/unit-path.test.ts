// The unit in the path of a cgroup. test/manager/given.test.ts asks libsystemd about the same in real cgroups.
import { describe, expect, test } from 'vitest';
import { fromRootOf, unitInPath } from '../../lib/environment/unit-path.ts';
import { PATHS } from './cgroup-paths.ts';

describe.each(PATHS.map((row) => [...row] as const))('%s', (path, system, user) => {
  test(`is of the unit ${system}`, () => expect(unitInPath(path, 'system')).toBe(system));
  test(`is of the user's unit ${user}`, () => expect(unitInPath(path, 'user')).toBe(user));
});

test('a path outside of the cgroup namespace is of no unit', () => {
  expect(unitInPath('/../../a.slice/b.service', 'system')).toBe(undefined);
});

test.each([
  ['/init.scope', '/a.slice/b.service', '/a.slice/b.service'],
  ['', '/b.service', '/b.service'],
  ['/', '/b.service', '/b.service'],
  ['/machine.slice/c.scope/init.scope', '/machine.slice/c.scope/b.service', '/b.service'],
  ['/c/system.slice', '/c', ''],
  ['/docker/c', '/docker/c/b.service', '/b.service'],
  ['/docker/c', '/docker/cc/b.service', '/docker/cc/b.service'],
])('where PID 1 is in %s, the path %s is %s to it', (managers, path, expected) => {
  expect(fromRootOf(managers, path)).toBe(expected);
});
