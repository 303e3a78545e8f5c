// Calls a random function of the package with random arguments, and checks that the outcome is a documented one.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { inspect, types } from 'node:util';
import * as libsystemd from 'libsystemd';
import * as sd from 'libsystemd/sd';
import { root } from '../build.mjs';
import { argumentsFor, THROWN } from './values.mjs';

/** The functions that are not called, with reasons. */
const EXCEPT = {
  'libsystemd.listen': 'asynchronous: a server listens until it is closed',
  'libsystemd.serve': 'asynchronous: a whole service, with handlers of signals',
  'libsystemd.connection': 'takes a descriptor over into an event loop',
  'libsystemd.notify.barrier': 'asynchronous: waits for the manager',
  'sd.sd_journal_sendv': "writes into the machine's journal",
  'sd.sd_journal_print': "writes into the machine's journal",
  'sd.sd_journal_stream_fd': "writes into the machine's journal",
  'sockets.sd_journal_sendv': "writes into the machine's journal",
  'sockets.sd_journal_print': "writes into the machine's journal",
  'sockets.sd_journal_stream_fd': "writes into the machine's journal",
  'native.pid_getfd_kills': 'starts a process for each call',
};

const addon = (name) => createRequire(import.meta.url)(join(root, `build/Release/${name}.node`));

const MODULES = {
  libsystemd,
  sd,
  native: addon('libsystemd'),
  sockets: addon('libsystemd-sockets'),
};

/** The modules that are add-ons, with the files that declare their functions. */
const ADDONS = { native: 'lib/addon/exports.ts', sockets: 'lib/addon/sockets.ts' };

function methodOf(module, name) {
  const [first, second] = name.split('.');
  const value = MODULES[module][first];
  return second === undefined ? value : value[second];
}

function functionsIn([module, functions]) {
  return Object.entries(functions)
    .map(([name, parameters]) => ({
      module,
      name: `${module}.${name}`,
      call: methodOf(module, name),
      parameters,
    }))
    .filter(({ name }) => !(name in EXCEPT));
}

/** Lists every function in the output of signatures.mjs, with its parameters. */
export function functionsOf(signatures) {
  for (const [module, file] of Object.entries(ADDONS)) {
    const untyped = Object.keys(MODULES[module]).filter((name) => !(name in signatures[module]));
    if (untyped.length > 0) throw new Error(`${file} does not declare ${untyped}`);
  }
  return Object.entries(signatures).flatMap(functionsIn);
}

/** Replaces a number that may be a descriptor of Node by one of the descriptors for the calls. */
const protectFd = (fd, { fds }) =>
  Number.isInteger(fd) && fd >= 0 && !fds.includes(fd) ? fds[0] : fd;

/** A Unix address without a path, so that no file is made. */
const withoutPath = (addr) => {
  if (!types.isUint8Array(addr) || addr.length < 3) return addr;
  const copy = Uint8Array.from(addr);
  if (copy[0] === 1) copy[2] = 0;
  return copy;
};

/** Node's own sockets, such as the channel to its parent, shall neither lose nor get a message. */
const withProtectedFd = ([fd, ...more], given) => [protectFd(fd, given), ...more];

/** Functions whose descriptor must be one that was opened for the calls. */
const PROTECTED = {
  'native.close': ([fd], given) => [
    Number.isInteger(fd) ? MODULES.native.dup(given.fds[0], 3) : fd,
  ],
  // Standard output may be a file, and would grow to the offset.
  'native.pwrite': ([fd, ...more], given) => [protectFd(fd, given), ...more],
  'sockets.close': ([fd], given) => [
    Number.isInteger(fd) ? MODULES.native.dup(given.fds[0], 3) : fd,
  ],
  'sockets.set_nonblocking': ([fd, ...more], given) => [protectFd(fd, given), ...more],
  'sockets.bind': ([fd, addr, ...more]) => [fd, withoutPath(addr), ...more],
  'sockets.connect': ([fd, addr], given) => [protectFd(fd, given), withoutPath(addr)],
  'sockets.shutdown': withProtectedFd,
  'sockets.sendto': withProtectedFd,
  'sockets.sendmsg': withProtectedFd,
  'sockets.recvmmsg': withProtectedFd,
  'sockets.hold': ([fd]) => [Number.isInteger(fd) ? -1 : fd],
  'sockets.release': ([fd]) => [Number.isInteger(fd) ? -1 : fd],
  // One of the others is the epoll of the event loop.
  'sockets.epoll_ctl': ([epfd, op, fd, ...more], given) => [
    protectFd(epfd, given),
    op,
    protectFd(fd, given),
    ...more,
  ],
  'sockets.epoll_wait': withProtectedFd,
  'sockets.poll_start': withProtectedFd,
  // These paths exist, so that nothing is made.
  'sockets.mkfifo': ([path, ...more], { paths }) => [
    typeof path === 'string' ? paths[0] : path,
    ...more,
  ],
  // One of the others is /dev/null, which root would take away from all users of the machine.
  'sockets.fchmod': ([fd, ...more], { fds }) => [
    Number.isInteger(fd) && fd >= 0 ? fds[0] : fd,
    ...more,
  ],
  // Without waiting.
  'sockets.journal_wait': ([fd, timeout, ...more]) => [
    fd,
    Number.isInteger(timeout) ? 0 : timeout,
    ...more,
  ],
  // Without O_CREAT.
  'sockets.mq_open': ([name, flags, ...more]) => [
    name,
    Number.isInteger(flags) ? flags & ~0o100 : flags,
    ...more,
  ],
};

/** What ends the work of a call whose result is 0 or more. A watch has a copy of its descriptor. */
const END = {
  'sockets.epoll_create': (fd) => MODULES.sockets.close(fd),
  'sockets.poll_start': () => MODULES.sockets.poll_stop(),
  'sockets.receive': (id) => MODULES.sockets.unwatch(id),
  'sockets.journal_open': (fd) => MODULES.sockets.close_held(fd),
  'sockets.watch': (id) => MODULES.sockets.unwatch(id),
};

MODULES.sockets.on_events(() => {});

const errors = readFileSync(join(root, 'docs/errors.md'), 'utf8');
const documented = new Set(Array.from(errors.matchAll(/^### `(ERR_\w+)`$/gm), ([, code]) => code));

const CALLERS_MISTAKES = {
  ERR_INVALID_ARG_TYPE: TypeError,
  ERR_INVALID_ARG_VALUE: TypeError,
  ERR_OUT_OF_RANGE: RangeError,
};

/** True for an error with an errno and its name. An errno without a name has the code `E` and the number. */
function isSystemError({ code, errno, syscall }) {
  const isErrno = Number.isInteger(errno) && errno < 0 && errno > -4096;
  return isErrno && /^E\d?[A-Z]/.test(code) && typeof syscall === 'string';
}

/** Says what is wrong with an error. Undefined if docs/errors.md lists it. */
function complaintAbout(error, { module }) {
  if (error === THROWN) return undefined;
  const { code } = error;
  if (code in CALLERS_MISTAKES && error instanceof CALLERS_MISTAKES[code]) return undefined;
  const isOurs = !(module in ADDONS) && error instanceof libsystemd.SystemdError;
  if (isOurs && (documented.has(code) || isSystemError(error))) return undefined;
  return `threw ${inspect(error)}`;
}

/** Says what is wrong with a result. The add-on must return an int of C, alone or as the first item. */
function complaintAboutResult(result, { module }) {
  if (result instanceof Promise) return 'is asynchronous: see EXCEPT';
  if (!(module in ADDONS)) return undefined;
  const [int] = [result].flat();
  return Number.isInteger(int) && int > -4096 ? undefined : `returned ${inspect(result)}`;
}

const show = (args) => inspect(args, { depth: 3, maxStringLength: 100, maxArrayLength: 20 });

/**
 * Calls one of the functions.
 *
 * @param given - `fds` and `paths` for the arguments
 * @param before - called with a text that shows the call
 * @returns the result; undefined if the call has thrown a documented error
 * @throws if the outcome is not a documented one
 */
export function callAny(choices, functions, given, before) {
  const chosen = choices.pick(functions);
  const prepare = PROTECTED[chosen.name] ?? ((args) => args);
  const args = prepare(argumentsFor(choices, chosen.parameters, given), given);
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
  if (chosen.name in END && result >= 0) END[chosen.name](result);
  // The result is a running watchdog.
  if (typeof result?.stop === 'function') result.stop();
  if (chosen.name === 'libsystemd.onMemoryPressure') result.close();
  return result;
}
