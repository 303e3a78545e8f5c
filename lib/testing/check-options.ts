// The checks of the arguments of start().
import { isFdName } from '../base/fd-names.ts';
import { os } from '../base/lazy-builtins.ts';
import { takeOptions } from '../base/options.ts';
import {
  excerpt,
  invalidType,
  invalidValue,
  outOfRange,
  validateBoolean,
  validateInteger,
  validateMilliseconds,
  validateOptionalString,
} from '../base/validate.ts';
import {
  KILL_MODES,
  NEWEST_SYSTEMD,
  NOTIFY_ACCESSES,
  OLDEST_SYSTEMD,
  RESTARTS,
  SERVICE_TYPES,
} from '../manager/description.ts';
import type { TestContext, UnitOptions } from './options.ts';

type Check = (name: string, value: unknown) => void;

/** The check of an option whose value is one of a few words. */
const oneOf =
  (words: readonly string[]): Check =>
  (name, value) => {
    if (!words.includes(value as string))
      throw invalidValue(name, `one of ${words.join(', ')}`, value);
  };

/** The check of each option. An option that is left out is not checked. */
const CHECKS: Readonly<Record<keyof UnitOptions, Check>> = {
  command: checkCommand,
  sockets: checkSockets,
  type: oneOf(SERVICE_TYPES),
  lazy: validateBoolean,
  accept: validateBoolean,
  maxConnections: (name, value) => validateInteger(name, value, 0, 2 ** 32 - 1),
  input: validateOptionalString,
  env: checkEnvironment,
  cwd: validateOptionalString,
  notifyAccess: oneOf(NOTIFY_ACCESSES),
  watchdog: validateMilliseconds,
  fdStore: (name, value) => validateInteger(name, value, 0, Number.MAX_SAFE_INTEGER),
  fdStorePreserve: validateBoolean,
  startTimeout: validateMilliseconds,
  stopTimeout: validateMilliseconds,
  abortTimeout: validateMilliseconds,
  restart: oneOf(RESTARTS),
  restartDelay: validateMilliseconds,
  startLimitBurst: (name, value) => validateInteger(name, value, 0, 2 ** 32 - 1),
  killSignal: checkSignal,
  killMode: oneOf(KILL_MODES),
  reloadSignal: checkSignal,
  successExitStatus: checkStatuses,
  systemd: checkVersion,
  test: checkTest,
  signal: checkAbortSignal,
  strict: validateBoolean,
};

/** Copies the options, and throws for one that is unknown or has a wrong value. */
export function checkOptions(options: UnitOptions): UnitOptions {
  const taken = takeOptions(options, CHECKS, 'start()');
  // The context of vitest is a function, of which a copy of the options has another one.
  if (taken.test !== undefined) Object.assign(taken, { test: options.test });
  for (const [name, value] of Object.entries(taken))
    CHECKS[name as keyof UnitOptions](`options.${name}`, value);
  return taken;
}

/** Throws unless the value is the name of a signal. */
export function checkSignal(name: string, value: unknown): asserts value is NodeJS.Signals {
  if (typeof value !== 'string') throw invalidType(name, 'of type string', value);
  if (!Object.hasOwn(os().constants.signals, value))
    throw invalidValue(name, 'the name of a signal, such as SIGTERM', value);
}

function checkStatuses(name: string, value: unknown): void {
  if (!Array.isArray(value)) throw invalidType(name, 'a list of exit codes and signals', value);
  for (const one of value) {
    if (typeof one !== 'number') checkSignal(name, one);
    else if (!Number.isInteger(one) || one < 0 || one > 255)
      throw outOfRange(name, 'exit codes from 0 to 255', one);
  }
}

/** True for `{}`, also one of another realm: a test runner may run tests in a context of its own. */
function isPlainObject(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/** True for process.env too, whose prototype is an object of its own; false for an array, a Map and the like. */
function isObjectOfVariables(value: unknown): value is object {
  return Object.prototype.toString.call(value) === '[object Object]';
}

function checkEnvironment(option: string, value: unknown): void {
  if (!isObjectOfVariables(value)) throw invalidType(option, 'an object of texts', value);
  for (const [name, text] of Object.entries(value) as [string, unknown][]) {
    if (text === undefined) continue;
    if (typeof text !== 'string') throw invalidType(`${option}.${name}`, 'of type string', text);
    if (name === '' || /[=\0]/.test(name))
      throw invalidValue(option, 'an object whose keys are names of variables, without =', name);
    if (text.includes('\0'))
      throw invalidValue(`${option}.${name}`, 'a text without a null byte', text);
  }
}

function checkSockets(option: string, value: unknown): void {
  if (!isPlainObject(value))
    throw invalidType(option, "an object of names and addresses, such as { http: 'tcp' }", value);
  for (const name of Object.keys(value))
    if (name === '' || !isFdName(name))
      throw invalidValue(
        option,
        'an object whose keys are names of descriptors: 1 to 255 characters of printable ASCII, no colon',
        name,
      );
}

function checkTest(name: string, value: unknown): void {
  const { after, onTestFinished } = (value ?? {}) as TestContext;
  if (typeof after !== 'function' && typeof onTestFinished !== 'function')
    throw invalidType(name, 'the context of a test of node:test or vitest', value);
}

/** A signal may be of another realm, or of an environment such as jsdom, which has an AbortSignal of its own. */
function checkAbortSignal(name: string, value: unknown): void {
  const signal = value as Partial<AbortSignal> | null;
  if (typeof signal?.aborted !== 'boolean' || typeof signal.addEventListener !== 'function')
    throw invalidType(name, 'an instance of AbortSignal', value);
}

function checkVersion(name: string, value: unknown): void {
  if (typeof value !== 'number') throw invalidType(name, 'of type number', value);
  if (!Number.isInteger(value) || value < OLDEST_SYSTEMD || value > NEWEST_SYSTEMD)
    throw outOfRange(name, `a release from ${OLDEST_SYSTEMD} to ${NEWEST_SYSTEMD}`, value);
}

/** Throws unless the value is a list of words that is not empty. */
export function checkCommand(
  name: string,
  value: unknown,
  expected = 'a list of words',
): asserts value is readonly string[] {
  if (!Array.isArray(value) || !value.every((word) => typeof word === 'string'))
    throw invalidType(name, expected, value);
  if (value.length === 0 || value[0] === '')
    throw invalidValue(name, 'a program and its arguments', value.length === 0 ? value : '');
}

/** Throws unless a text is the path of a unit file: perhaps it was meant as a command. */
export function checkUnitFile(text: string): string {
  // A socket unit is refused by the name of the service that it starts.
  if (/\.(service|socket)$/.test(text)) return text;
  const words = text.trim().split(/\s+/);
  const list = words.map((word) => `'${word}'`).join(', ');
  const meant = text.trim() === '' ? "['node', 'server.js']" : `[${list}]`;
  throw invalidValue(
    'unit',
    `the path of a .service file, or a command as a list of words: ${excerpt(meant)}`,
    text,
  );
}
