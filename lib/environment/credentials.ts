// credentials: the files that LoadCredential= and its like have put into the unit's own folder.
import { SystemdError, systemError } from '../base/errors.ts';
import { fs, path } from '../base/lazy-builtins.ts';
import { type OptionNames, takeOptions } from '../base/options.ts';
import { escapeUnprintable } from '../base/printable.ts';
import { invalidType, invalidValue, validateBoolean } from '../base/validate.ts';
import { quotedList, variable } from './variables.ts';

/** Options of `credentials.text()`. */
export interface CredentialTextOptions {
  /**
   * Removes the line breaks at the end, as `$(cat file)` of a shell does: systemd keeps the one that an editor or
   * `echo` has put there. Default true.
   */
  readonly trim?: boolean | undefined;
}

const TEXT_OPTIONS: OptionNames<CredentialTextOptions> = { trim: true };

/** As systemd checks names (credential_name_valid): no slash, so that a name from outside leads to no other folder. */
const NAME = /^[ -.0-9;-~]{1,255}$/;

const isName = (name: string) => NAME.test(name) && name !== '.' && name !== '..';

function checkName(name: unknown): asserts name is string {
  if (typeof name !== 'string') throw invalidType('name', 'of type string', name);
  if (isName(name)) return;
  const rule =
    'the name of a credential: 1 to 255 characters of ASCII without / and :, and neither `.` nor `..`';
  throw invalidValue('name', rule, name);
}

function folder(): string | undefined {
  const value = variable('CREDENTIALS_DIRECTORY');
  // systemd's is absolute. A relative one is from a person, and for the folder where the program was started.
  return value === undefined ? undefined : path().resolve(value);
}

const isFile = (file: string) => fs().statSync(file, { throwIfNoEntry: false })?.isFile() ?? false;

/** What to change, where a unit or a person has given no credential of this name. */
function advice(name: string): string {
  return `Add LoadCredential=${name}:/path/of/the/file to the [Service] section of the unit; in a start by hand, set CREDENTIALS_DIRECTORY to a folder with a file of this name`;
}

/** What is there instead of a credential. */
function describeFolder(directory: string | undefined): string {
  if (directory === undefined) return 'because CREDENTIALS_DIRECTORY is not set';
  if (!fs().existsSync(directory)) return `because there is no folder ${directory}`;
  const names = credentials.names();
  return `in ${directory}, which has ${names.length > 0 ? quotedList(names) : 'none'}`;
}

function missingError(name: string, options?: ErrorOptions): SystemdError {
  const directory = folder();
  const message = `No credential "${name}" ${describeFolder(directory)}. ${advice(name)}`;
  const facts = directory === undefined ? {} : { path: path().join(directory, name) };
  return new SystemdError('ERR_SYSTEMD_CREDENTIAL', escapeUnprintable(message), facts, options);
}

/** What an errno of open(2) or read(2) means for a credential. */
const REASONS: Readonly<Record<string, string>> = {
  EACCES: 'which only the User= of the unit and root may read: read it before the user is changed',
  EISDIR: 'which is a folder, where a file was expected',
};

function readError(error: unknown, name: string, file: string): unknown {
  const { code = '', errno, syscall } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT' || code === 'ENOTDIR') return missingError(name, { cause: error });
  if (errno === undefined || syscall === undefined) return error; // no credential, or Node's permission model forbids it
  return systemError(errno, syscall, { path: file }, REASONS[code]);
}

/** The path of a credential, which need not exist. */
function pathOf(name: unknown): string {
  checkName(name);
  const directory = folder();
  if (directory === undefined) throw missingError(name);
  return path().join(directory, name);
}

function decode(name: string, bytes: Uint8Array, trim: boolean): string {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: !trim }).decode(bytes);
    return trim ? text.replace(/[\r\n]+$/, '') : text;
  } catch (cause) {
    const message = `The credential "${name}" is no text in UTF-8: take its ${bytes.length} bytes by read()`;
    throw new SystemdError('ERR_SYSTEMD_CREDENTIAL', message, {}, { cause });
  }
}

/** The type of {@link credentials}. */
export interface Credentials {
  /**
   * The folder of the credentials, as an absolute path: CREDENTIALS_DIRECTORY, `%d` in a unit file. Undefined when the
   * unit has no credentials, and in a start by hand.
   */
  readonly directory: string | undefined;

  /**
   * Lists the credentials that are there. Those of a folder, by `LoadCredential=tls:/folder`, are called
   * `tls_` and the name of the file.
   *
   * @returns the names, sorted; [] without credentials
   * @throws Error of Node, such as EACCES, when the folder can't be read
   */
  names(): string[];

  /**
   * Says whether a credential is there. It may not be, although the unit names it: systemd starts a unit with
   * `LoadCredential=name` (without a path) or ImportCredential= also where it finds none.
   *
   * @param name - the name of the credential
   * @returns true when it is there; false when it is not, and without credentials
   * @throws TypeError ERR_INVALID_ARG_TYPE or ERR_INVALID_ARG_VALUE for what can't be the name of a credential, such
   * as a path
   * @throws Error of Node, such as EACCES, when the folder may not be searched
   */
  has(name: string): boolean;

  /**
   * Reads the bytes of a credential, a line break at their end included. Each call reads the file.
   *
   * @param name - the name of the credential
   * @returns its bytes
   * @throws SystemdError, by its code:
   * - ERR_SYSTEMD_CREDENTIAL: there is none of this name; the message has the folder, the names that are in it, and
   *   the line that the unit lacks
   * - EACCES: the process has changed its user since its start
   * @throws TypeError as {@link Credentials.has}
   */
  read(name: string): Buffer;

  /**
   * Reads a credential as text in UTF-8, without the line breaks at its end.
   *
   * @param name - the name of the credential
   * @param options - `trim`: false keeps line breaks at the end, and a byte order mark
   * @returns its text
   * @throws SystemdError as {@link Credentials.read}; ERR_SYSTEMD_CREDENTIAL also when the bytes are not UTF-8
   * @throws TypeError as {@link Credentials.has}; ERR_INVALID_ARG_VALUE for an unknown option
   */
  text(name: string, options?: CredentialTextOptions): string;

  /**
   * Returns the path of a credential, for code that takes the path of a file.
   *
   * @param name - the name of the credential
   * @returns the absolute path of a file that exists
   * @throws SystemdError ERR_SYSTEMD_CREDENTIAL when there is none of this name
   * @throws TypeError as {@link Credentials.has}
   */
  path(name: string): string;
}

/**
 * The credentials of the unit: secrets and other small files that systemd has put into a folder that only this unit may
 * read, by LoadCredential=, LoadCredentialEncrypted=, SetCredential=, SetCredentialEncrypted= or ImportCredential=. The
 * folder is read-only, and gone when the unit stops.
 *
 * In a start by hand, CREDENTIALS_DIRECTORY may name any folder with such files.
 *
 * @see systemd.exec(5), CREDENTIALS, LoadCredential= of systemd 247; systemd-creds(1)
 */
export const credentials: Credentials = Object.freeze({
  get directory(): string | undefined {
    return folder();
  },

  names(): string[] {
    const directory = folder();
    if (directory === undefined || !fs().existsSync(directory)) return [];
    const names = fs().readdirSync(directory).filter(isName);
    // Only in a folder of a person there is anything else.
    return names.filter((name) => isFile(path().join(directory, name))).sort();
  },

  has(name: string): boolean {
    checkName(name);
    const directory = folder();
    return directory !== undefined && isFile(path().join(directory, name));
  },

  read(name: string): Buffer {
    const file = pathOf(name);
    try {
      // In a folder of a person it may be a FIFO or a device, which would be read for ever.
      const stats = fs().statSync(file);
      if (!stats.isFile() && !stats.isDirectory()) throw missingError(name);
      return fs().readFileSync(file);
    } catch (error) {
      throw readError(error, name, file);
    }
  },

  text(name: string, options: CredentialTextOptions = {}): string {
    const { trim = true } = takeOptions(options, TEXT_OPTIONS, 'credentials.text()');
    validateBoolean('options.trim', trim);
    return decode(name, credentials.read(name), trim);
  },

  path(name: string): string {
    const file = pathOf(name);
    if (!isFile(file)) throw missingError(name);
    return file;
  },
});
