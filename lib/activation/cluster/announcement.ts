// LIBSYSTEMD_CLUSTER_FDS: the environment variable by which a cluster primary announces its descriptors to
// its workers. The primary writes it, and the worker reads it.
import { SystemdError } from '../../base/errors.ts';
import { zlib } from '../../base/lazy-builtins.ts';
import { fromJson, toJson } from '../../descriptor/address-json.ts';
import type { InheritedDescriptor } from '../../descriptor/inspect.ts';

/** A descriptor of the primary. */
export interface Announced {
  readonly descriptor: InheritedDescriptor;
  /** The limit of its accept queue; undefined when it has no queue, or the kernel does not tell the limit. */
  readonly limit?: number | undefined;
}

interface Announcement {
  /** The pid of the primary. A process that only inherited the variable has another parent. */
  readonly pid: number;
  readonly descriptors: readonly Announced[];
}

const VARIABLE = 'LIBSYSTEMD_CLUSTER_FDS';

/** execve(2) takes strings of 128 KiB at most: the name, "=", the value and a null byte. */
const LONGEST_VALUE = 128 * 1024 - `${VARIABLE}=\0`.length;

/** Longer JSON is compressed, which takes the worker 1 to 2 ms: for node:zlib to be loaded, and half a megabyte. */
const LONGEST_PLAIN_JSON = 16 * 1024;

/**
 * In the primary: the environment variable for a worker. Its value is JSON, and longer JSON is compressed, because it
 * has some 200 bytes a descriptor, and a service may have been passed thousands.
 */
export function announcementOf(descriptors: readonly Announced[]): Record<string, string> {
  const announcement: Announcement = { pid: process.pid, descriptors };
  const json = toJson(announcement);
  if (json.length <= LONGEST_PLAIN_JSON) return { [VARIABLE]: json };
  const value = zlib().deflateRawSync(json).toString('base64');
  if (value.length <= LONGEST_VALUE) return { [VARIABLE]: value };
  throw new SystemdError(
    'ERR_SYSTEMD_CLUSTER',
    `The list of ${descriptors.length} descriptors takes ${value.length} bytes, and the environment of a worker holds ${LONGEST_VALUE}: take those that workers need not know by fdStore.take() before cluster.fork(), or give them shorter names`,
  );
}

/** The JSON in a value. JSON of an announcement begins with a brace, which base64 does not have. */
function jsonIn(value: string): string {
  if (value.startsWith('{')) return value;
  return zlib().inflateRawSync(Buffer.from(value, 'base64')).toString();
}

/** In a worker: true when its primary has announced descriptors. */
export function hasAnnouncement(): boolean {
  return process.env[VARIABLE] !== undefined;
}

/**
 * In a worker: the descriptors that its primary has announced; undefined when there are none. Removes the variable, so
 * that children of the worker do not see it.
 */
export function takeAnnouncement(): readonly Announced[] | undefined {
  const value = process.env[VARIABLE];
  delete process.env[VARIABLE];
  if (!value) return undefined;
  const { pid, descriptors } = fromJson(jsonIn(value)) as Announcement;
  return pid === process.ppid ? descriptors : undefined;
}
