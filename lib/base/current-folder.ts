// The working directory of this process, which may have been deleted.
import { SystemdError } from './errors.ts';

/** @throws SystemdError ENOENT when it has been deleted */
export function currentFolder(): string {
  try {
    return process.cwd();
  } catch (cause) {
    const what = 'The working directory of this process has been deleted: change to another one';
    throw new SystemdError('ENOENT', what, { syscall: 'getcwd' }, { cause });
  }
}
