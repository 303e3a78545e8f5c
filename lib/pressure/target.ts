// What is watched for memory pressure: the file that the service manager names, or a file of the kernel.
import { SystemdError } from '../base/errors.ts';
import { fs, path } from '../base/lazy-builtins.ts';
import { escapeUnprintable } from '../base/printable.ts';

/** A file of the kernel to watch where the service manager names none; false: none. */
export type PressureFallback = 'cgroup' | 'system' | false;

/** A file or socket to watch. */
export interface Target {
  readonly path: string;
  /** What is written to the file before it is watched; may be empty. */
  readonly trigger: Uint8Array;
  /** True when the service manager has named the file, so that a failure is an error. */
  readonly isTold: boolean;
}

/** The value of MEMORY_PRESSURE_WATCH by which the unit forbids the watch (MemoryPressureWatch=off). */
const OFF = '/dev/null';

/**
 * systemd's own default: 200 ms of waiting for memory within 2 s. An ordinary user may have windows of whole 2 s only.
 */
const DEFAULT_TRIGGER = Buffer.from('some 200000 2000000\0');

/** The error for a variable or a file that can't be watched. */
export function pressureError(message: string): SystemdError {
  return new SystemdError('ERR_SYSTEMD_MEMORY_PRESSURE', escapeUnprintable(message));
}

const BASE64 = /^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

function decodeTrigger(text: string): Uint8Array {
  if (BASE64.test(text)) return Buffer.from(text, 'base64');
  throw pressureError(
    `MEMORY_PRESSURE_WRITE is "${text}", and should be base64: leave this variable to the service manager`,
  );
}

/**
 * The file of MEMORY_PRESSURE_WATCH.
 *
 * @returns undefined when the unit forbids the watch
 */
function toldTarget(watched: string): Target | undefined {
  if (watched === '' || watched === OFF) return undefined;
  if (!path().isAbsolute(watched)) {
    throw pressureError(
      `MEMORY_PRESSURE_WATCH is "${watched}", and should be an absolute path: leave this variable to the service manager`,
    );
  }
  const text = process.env['MEMORY_PRESSURE_WRITE'] ?? '';
  const trigger = text === '' ? new Uint8Array() : decodeTrigger(text);
  return { path: watched, trigger, isTold: true };
}

/** The folder of this process's own cgroup; undefined without cgroups of version 2. */
function ownCgroup(): string | undefined {
  const [, own] = /^0::(\/.*)$/m.exec(fs().readFileSync('/proc/self/cgroup', 'utf8')) ?? [];
  // Fields: id, parent, device, root, mount point, options, any others, "-", type.
  const mounts = fs()
    .readFileSync('/proc/self/mountinfo', 'utf8')
    .matchAll(/^\S+ \S+ \S+ (\S+) (\S+) .* - cgroup2 /gm);
  for (const [, root = '', mountPoint = ''] of own === undefined ? [] : mounts) {
    const below = path().posix.relative(root, own as string);
    if (!below.startsWith('..')) return path().join(mountPoint, below);
  }
  return undefined;
}

function fallbackPath(fallback: 'cgroup' | 'system'): string | undefined {
  if (fallback === 'system') return '/proc/pressure/memory';
  const folder = ownCgroup();
  return folder === undefined ? undefined : path().join(folder, 'memory.pressure');
}

/**
 * What to watch.
 *
 * @returns undefined when there is nothing to watch: the manager has named no file and there is no fallback, or the
 * unit forbids it
 */
export function findTarget(fallback: PressureFallback): Target | undefined {
  const watched = process.env['MEMORY_PRESSURE_WATCH'];
  if (watched !== undefined) return toldTarget(watched);
  if (fallback === false || process.platform !== 'linux') return undefined;
  const file = fallbackPath(fallback);
  return file === undefined ? undefined : { path: file, trigger: DEFAULT_TRIGGER, isTold: false };
}

/** What is written to a PSI file: one without a trigger would report nothing but an error. */
export function triggerOf({ trigger }: Target): Uint8Array {
  return trigger.length === 0 ? DEFAULT_TRIGGER : trigger;
}
