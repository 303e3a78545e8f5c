// The rules of Node, the system and the unit that forbid to load a file.
import { SystemdError } from '../base/errors.ts';
import { path } from '../base/lazy-builtins.ts';

/** A file that could not be loaded, and the error. */
export interface Failure {
  readonly file: string;
  readonly error: NodeJS.ErrnoException;
}

/** Quotes a text for a shell, which takes every character between single quotes as it is. */
export function shellQuoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** The rule that forbids to load this file, and what to change; undefined when there is another reason. */
export function explainProhibition({ file, error }: Failure): string | undefined {
  const { code, message } = error;
  const folder = path().dirname(file);
  if (code === 'ERR_DLOPEN_DISABLED') {
    return 'This Node may not load add-ons (ERR_DLOPEN_DISABLED): start it without --no-addons, also in NODE_OPTIONS and in the execArgv of a worker thread, and with --allow-addons where it is started with --permission or --experimental-permission';
  }
  if (code === 'ERR_ACCESS_DENIED') {
    return `Node's permission model forbids to read ${file}: start Node with --allow-addons and --allow-fs-read=${shellQuoted(folder)}`;
  }
  if (message.includes('failed to map segment')) {
    return `The add-on may not be executed (${message}): its file system is mounted with noexec, or the unit has NoExecPaths=. Add ExecPaths=${folder} to the unit`;
  }
  if (message.includes('Permission denied')) {
    return `The add-on may not be read (${message}): let the user of this process read the file`;
  }
  return undefined;
}

/** True for Node's error that its permission model forbids to read a file. */
export const isDenied = (error: unknown): boolean =>
  (error as NodeJS.ErrnoException).code === 'ERR_ACCESS_DENIED';

/**
 * The error of this package for that error.
 *
 * @param file - the name to show when Node's error has no path
 */
export function deniedError(error: unknown, file: string): SystemdError {
  const { resource = file } = error as { readonly resource?: string };
  const text = explainProhibition({ file: resource, error: error as NodeJS.ErrnoException });
  return new SystemdError('ERR_SYSTEMD_ADDON', text ?? String(error), {}, { cause: error });
}
