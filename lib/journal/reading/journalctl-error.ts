// The error of a failed journalctl.
import { SystemdError } from '../../base/errors.ts';
import { escapeUnprintable } from '../../base/printable.ts';

export function journalctlError(message: string): SystemdError {
  return new SystemdError('ERR_SYSTEMD_JOURNALCTL', escapeUnprintable(message));
}
