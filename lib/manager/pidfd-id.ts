// The id of a process that no other process ever gets, unlike its pid.

import { closeDescriptor, pidfdOpen } from '../descriptor/calls.ts';
import { sd_pidfd_get_inode_id } from '../sd/sd-daemon.ts';

/** The id; undefined before Linux 6.9, and when the process has ended. */
export function pidfdId(pid: number): bigint | undefined {
  let pidfd: number | undefined;
  try {
    pidfd = pidfdOpen(pid);
    return sd_pidfd_get_inode_id(pidfd);
  } catch {
    return undefined;
  } finally {
    if (pidfd !== undefined) closeDescriptor(pidfd);
  }
}
