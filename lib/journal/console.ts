// journalConsole(): a console whose texts have priorities in the journal.
import { util } from '../base/lazy-builtins.ts';
import { type OptionNames, takeOptions } from '../base/options.ts';
import { replaceMethod } from '../base/replace-method.ts';
import { invalidType, invalidValue, validateOptionalString } from '../base/validate.ts';
import { warn } from '../base/warn.ts';
import { programName } from './entry.ts';
import { Entry } from './entry-bytes.ts';
import { DEBUG, ERR, INFO, type Priority, WARNING } from './priority.ts';
import { sender } from './sender.ts';
import { settingsOf } from './settings.ts';
import { isStream, levelPrefix } from './stream.ts';

/** Options of {@link journalConsole}. */
export interface JournalConsoleOptions {
  /** The console whose methods get priorities. Default: the global one. */
  readonly console?: Console | undefined;
  /**
   * - `'auto'`: as `'native'`, for standard output and standard error each, where it goes to the journal; else as `'off'`
   * - `'native'`: a text becomes an entry, whatever number of lines it has
   * - `'prefix'`: the text goes where it went, and each line of it begins with its priority, such as `<3>`
   * - `'off'`: nothing changes
   *
   * Default `'auto'`.
   */
  readonly mode?: 'auto' | 'native' | 'prefix' | 'off' | undefined;
  /** Who says it (SYSLOG_IDENTIFIER=). Default: the name of the program that runs: `'node'`. `'prefix'` ignores it. */
  readonly identifier?: string | undefined;
}

/** What {@link journalConsole} returns. */
export interface JournalConsole {
  /** Gives the console back as it was. Does nothing when called again. */
  restore(): void;
  /** As `restore()`, for `using`. */
  [Symbol.dispose](): void;
}

const OPTIONS: OptionNames<JournalConsoleOptions> = { console: true, mode: true, identifier: true };

const MODES = ['auto', 'native', 'prefix', 'off'];

/** The methods that write by themselves: the others call these. A trace calls error(), and is none. */
const METHODS = {
  error: [2, ERR],
  warn: [2, WARNING],
  trace: [2, DEBUG],
  log: [1, INFO],
  info: [1, INFO],
  dir: [1, INFO],
  timeEnd: [1, INFO],
  timeLog: [1, INFO],
  debug: [1, DEBUG],
} as const satisfies Partial<Record<keyof Console, readonly [fd: 1 | 2, priority: Priority]>>;

type Method = keyof typeof METHODS;

/** Where a text goes; false: to where it went. */
type Send = (priority: Priority, text: string) => boolean;

/** Makes an entry of each text. Without the add-on a warning says so, because no print to a console may throw. */
function natively(identifier: string | undefined): Send {
  const { common, account } = settingsOf({});
  let isUnable = false;
  return (priority, text) => {
    if (isUnable) return false;
    const entry = new Entry(common);
    // Colours would make journalctl -o json print the message as an array of numbers.
    entry.add('MESSAGE', util().stripVTControlCharacters(text.replace(/\n$/, '')));
    entry.add('PRIORITY', String(priority));
    entry.add('SYSLOG_IDENTIFIER', identifier ?? programName());
    try {
      return sender().send(entry.encode(), account) !== 'none';
    } catch (error) {
      isUnable = true;
      warn(error);
      return false;
    }
  };
}

/** The stream that a console writes to. */
function streamOf(target: Console, fd: 1 | 2): NodeJS.WritableStream {
  const { _stdout, _stderr } = target as { _stdout?: unknown; _stderr?: unknown };
  const own = fd === 1 ? _stdout : _stderr;
  const ofProcess = fd === 1 ? process.stdout : process.stderr;
  return (own as NodeJS.WritableStream | undefined) ?? ofProcess;
}

/** Calls a function, and returns what it has written to a stream, which does not get it. */
function written(stream: NodeJS.WritableStream, call: () => void): string {
  let text = '';
  const restore = replaceMethod(stream, 'write', (some: unknown) => {
    text += String(some);
    return true;
  });
  try {
    call();
  } finally {
    restore();
  }
  return text;
}

/** What the methods of one call of journalConsole() share. */
interface State {
  readonly target: Console;
  /** What becomes of the texts for standard output and standard error. */
  readonly send: Readonly<Record<1 | 2, Send>>;
  isActive: boolean;
  /** True while a method runs. What it calls in turn belongs to it. */
  isCalling: boolean;
}

/** Puts a method in the place of the original, and returns a function that undoes it. */
function replaceConsoleMethod(state: State, method: Method): () => void {
  const { target } = state;
  const [fd, priority] = METHODS[method];
  const original = target[method] as (...args: unknown[]) => void;
  const replacement = (...args: unknown[]): void => {
    if (!state.isActive || state.isCalling) {
      original.apply(target, args);
      return;
    }
    state.isCalling = true;
    const stream = streamOf(target, fd);
    let text: string;
    try {
      text = written(stream, () => original.apply(target, args));
    } finally {
      state.isCalling = false;
    }
    if (text !== '' && !state.send[fd](priority, text)) stream.write(text);
  };
  target[method] = replacement;
  return () => {
    // Other code may have replaced the method since, and calls this one.
    if (target[method] === replacement) target[method] = original;
  };
}

const unchanged: Send = () => false;

function sendsOf(target: Console, mode: string, identifier: string | undefined): State['send'] {
  const prefixed =
    (fd: 1 | 2): Send =>
    (priority, text) => {
      streamOf(target, fd).write(levelPrefix(priority, text));
      return true;
    };
  if (mode === 'prefix') return { 1: prefixed(1), 2: prefixed(2) };
  const native = natively(identifier);
  if (mode === 'native') return { 1: native, 2: native };
  return { 1: isStream(1) ? native : unchanged, 2: isStream(2) ? native : unchanged };
}

/** True for an object with the methods of a console. */
const isConsole = (value: unknown): value is Console =>
  typeof value === 'object' &&
  value !== null &&
  typeof (value as { error?: unknown }).error === 'function';

/**
 * Gives each text that a console prints a priority in the journal: `error()` err, `warn()` warning, `info()` and `log()`
 * info, `debug()` and `trace()` debug. So `journalctl -p err` finds what `console.error()` has printed. A text of many lines
 * becomes one entry, without colours. Where standard output and standard error do not go to the journal, nothing changes.
 *
 * If the add-on of this package can't be loaded, a process warning (ERR_SYSTEMD_ADDON) says so, and texts go to where
 * they went.
 *
 * An uncaught error does not go through the console, and stays a line without a priority. Node's warnings have the
 * priority err, or none if Node has printed one before this call. In Bun and Deno nothing changes, because there the
 * console does not write by `process.stdout`.
 *
 * @param options - default {}: the global console, mode `'auto'`
 * @returns an object whose `restore()` gives the console back as it was
 * @throws TypeError ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE for wrong options
 * @see sd-daemon(3), SD_ERR; systemd.exec(5), JOURNAL_STREAM and SyslogLevelPrefix=
 */
export function journalConsole(options: JournalConsoleOptions = {}): JournalConsole {
  const taken = takeOptions(options, OPTIONS, 'journalConsole()');
  const { console: target = globalThis.console, mode = 'auto', identifier } = taken;
  if (!isConsole(target)) throw invalidType('options.console', 'a console', target);
  if (!MODES.includes(mode)) throw invalidValue('options.mode', `one of ${MODES.join(', ')}`, mode);
  validateOptionalString('options.identifier', identifier);
  const send = mode === 'off' ? undefined : sendsOf(target, mode, identifier);
  const changed = Object.keys(METHODS).filter(
    (method) => send !== undefined && send[METHODS[method as Method][0]] !== unchanged,
  );
  const state: State = {
    target,
    send: send ?? { 1: unchanged, 2: unchanged },
    isActive: true,
    isCalling: false,
  };
  const undo = changed.map((method) => replaceConsoleMethod(state, method as Method));
  const restore = () => {
    state.isActive = false;
    for (const one of undo.splice(0)) one();
  };
  return { restore, [Symbol.dispose]: restore };
}
