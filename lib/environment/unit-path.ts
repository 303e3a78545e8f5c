// The unit in the path of a cgroup, by the rules of sd_pid_get_unit(3) (cgroup-util.c and unit-name.c of systemd).

/**
 * The name of a unit that can have processes: a plain one or an instance, and no template, which has nothing between @
 * and its type.
 */
const UNIT =
  /^[\w:.\\-]+(@[\w:.\\@-]+)?\.(service|socket|target|device|mount|automount|swap|timer|path|slice|scope)$/;

const LONGEST_NAME = 255;

/** systemd puts `_` before a name that the kernel uses itself, such as `cgroup.service`. */
const unescaped = (part: string) => (part.startsWith('_') ? part.slice(1) : part);

function unitNameIn(part: string): string | undefined {
  const name = unescaped(part);
  return name.length <= LONGEST_NAME && UNIT.test(name) ? name : undefined;
}

function isSlice(part: string): boolean {
  return part.endsWith('.slice') && !part.includes('@') && unitNameIn(part) !== undefined;
}

/**
 * The first part of a path that is no slice, and the parts below it. Only that one is the manager's: below it a service
 * may name cgroups as it likes (Delegate=).
 */
function belowSlices(parts: readonly string[]): readonly string[] {
  const first = parts.findIndex((part) => !isSlice(part));
  return first < 0 ? [] : parts.slice(first);
}

function firstUnit(parts: readonly string[]): string | undefined {
  const [part] = belowSlices(parts);
  return part === undefined || part.endsWith('.slice') ? undefined : unitNameIn(part);
}

/**
 * The unit of a cgroup.
 *
 * @param path - the path, from the manager's own root
 * @param manager - `user`: the unit of a user's own manager, which itself is the unit user@UID.service
 */
export function unitInPath(path: string, manager: 'system' | 'user'): string | undefined {
  const parts = path.split('/').filter((part) => part !== '');
  if (manager === 'system') return firstUnit(parts);
  const [userManager = '', ...below] = belowSlices(parts);
  return /^user@\d+\.service$/.test(userManager) ? firstUnit(below) : undefined;
}

/** What PID 1's cgroup ends with: its own scope, and what older versions had instead. */
const MANAGERS_OWN = /\/(init\.scope|system\.slice|system)$/;

/** The path as the manager sees it, whose own cgroup is not the root in a container that has no cgroup namespace. */
export function fromRootOf(managersPath: string, path: string): string {
  const root = managersPath.replace(MANAGERS_OWN, '').replace(/\/$/, '');
  return path === root || path.startsWith(`${root}/`) ? path.slice(root.length) : path;
}
