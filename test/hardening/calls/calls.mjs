// Any function of the package called with any arguments, and whether that ended as promised.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { inspect } from 'node:util';
import * as libsystemd from 'libsystemd';
import * as sd from 'libsystemd/sd';
import { root } from '../build.mjs';
import { argumentsFor, THROWN } from './values.mjs';

/** Not called, and why. */
const EXCEPT = {
  'libsystemd.listen': 'asynchronous: a server listens until it is closed',
  'libsystemd.serve': 'asynchronous: a whole service, with handlers of signals',
  'libsystemd.connection': 'takes a descriptor over into an event loop',
  'libsystemd.notify.barrier': 'asynchronous: waits for the manager',
  'native.pid_getfd_kills': 'starts a process for each call',
};

const MODULES = {
  libsystemd,
  sd,
  native: createRequire(import.meta.url)(join(root, 'build/Release/libsystemd.node')),
};

function methodOf(module, name) {
  const [first, second] = name.split('.');
  const value = MODULES[module][first];
  return second === undefined ? value : value[second];
}

function functionsIn([module, parameters]) {
  return Object.entries(parameters)
    .map(([name, of]) => ({ module, name: `${module}.${name}`, call: methodOf(module, name), of }))
    .filter(({ name }) => !(name in EXCEPT));
}

/** Every function that signatures.mjs tells of, `of` its parameters. */
export function functionsOf(signatures) {
  const untyped = Object.keys(MODULES.native).filter((name) => !(name in signatures.native));
  if (untyped.length > 0) throw new Error(`lib/addon/exports.ts does not declare ${untyped}`);
  return Object.entries(signatures).flatMap(functionsIn);
}

/** What may be a number of Node's, or of another copy of such, is one of those that are for the calls. */
const own = (fd, { fds }) => (Number.isInteger(fd) && fd >= 0 && !fds.includes(fd) ? fds[0] : fd);

/** What must be done to such only. */
const CAREFUL = {
  'native.close': ([fd], given) => [
    Number.isInteger(fd) ? MODULES.native.dup(given.fds[0], 3) : fd,
  ],
  // Standard output may be a file, and would grow to the offset.
  'native.pwrite': ([fd, ...more], given) => [own(fd, given), ...more],
};

const errors = readFileSync(join(root, 'docs/errors.md'), 'utf8');
const documented = new Set(Array.from(errors.matchAll(/^### `(ERR_\w+)`$/gm), ([, code]) => code));

const CALLERS_MISTAKES = {
  ERR_INVALID_ARG_TYPE: TypeError,
  ERR_INVALID_ARG_VALUE: TypeError,
  ERR_OUT_OF_RANGE: RangeError,
};

/** An errno by its name. A number that has none comes out as E and that number. */
function isSystems({ code, errno, syscall }) {
  const isErrno = Number.isInteger(errno) && errno < 0 && errno > -4096;
  return isErrno && /^E[A-Z]/.test(code) && typeof syscall === 'string';
}

/** What is wrong with an error; undefined when docs/errors.md promises it. */
function complaintAbout(error, { module }) {
  if (error === THROWN) return undefined;
  const { code } = error;
  if (code in CALLERS_MISTAKES && error instanceof CALLERS_MISTAKES[code]) return undefined;
  const isOurs = module !== 'native' && error instanceof libsystemd.SystemdError;
  if (isOurs && (documented.has(code) || isSystems(error))) return undefined;
  return `threw ${inspect(error)}`;
}

/** The add-on gives C's int, alone or first. */
function complaintAboutResult(result, { module }) {
  if (result instanceof Promise) return 'is asynchronous: see EXCEPT';
  if (module !== 'native') return undefined;
  const [int] = [result].flat();
  return Number.isInteger(int) && int > -4096 ? undefined : `returned ${inspect(result)}`;
}

const show = (args) => inspect(args, { depth: 3, maxStringLength: 100, maxArrayLength: 20 });

/**
 * Calls one of some functions.
 *
 * @param given - `fds` and `paths` for the arguments
 * @param before - told of the call
 * @returns the result; undefined when it threw as promised
 * @throws when it did anything else
 */
export function callAny(choices, some, given, before) {
  const chosen = choices.pick(some);
  const prepare = CAREFUL[chosen.name] ?? ((args) => args);
  const args = prepare(argumentsFor(choices, chosen.of, given), given);
  before?.(`${chosen.name}(${show(args)})`);
  const fail = (complaint) => {
    throw new Error(`${chosen.name}(${show(args)}) ${complaint}`);
  };
  let result;
  try {
    result = chosen.call(...args);
  } catch (error) {
    const complaint = complaintAbout(error, chosen);
    return complaint === undefined ? undefined : fail(complaint);
  }
  const complaint = complaintAboutResult(result, chosen);
  if (complaint !== undefined) fail(complaint);
  // A watchdog that runs.
  if (typeof result?.stop === 'function') result.stop();
  return result;
}
