// The texts of files whose paths others have chosen: a FIFO, or /dev/zero, would be read for ever.
import { readFileSync, statSync } from 'node:fs';
import { SystemdError } from '../../base/errors.ts';
import { escapeUnprintable } from '../../base/printable.ts';

/** True for a file that has a text: a regular one, and /dev/null, which is empty, and masks a unit. */
export function isTextFile(path: string): boolean {
  try {
    const stats = statSync(path);
    return (
      stats.isFile() || (stats.isCharacterDevice() && stats.rdev === statSync('/dev/null').rdev)
    );
  } catch {
    return false;
  }
}

/**
 * @throws SystemdError ERR_SYSTEMD_UNIT_FILE for a folder, a FIFO, a socket or a device
 * @throws Error of Node, such as ENOENT and EACCES, for a file that can't be read
 */
export function readText(path: string): string {
  if (isTextFile(path)) return readFileSync(path, 'utf8');
  statSync(path); // throws where there is nothing, or it is out of reach
  const what = `${path}: it is no file, but a folder, a FIFO, a socket or a device`;
  throw new SystemdError('ERR_SYSTEMD_UNIT_FILE', escapeUnprintable(what), { path });
}
