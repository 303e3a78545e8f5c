// Makes calls through `libsystemd/sd`, as test/tools/conformance.c makes them from C, and prints the answers in the
// same form. That file describes the lines.
import fs from 'node:fs';
import * as sd from 'libsystemd/sd';

const tokens = {
  $PIDFDID: () => fs.fstatSync(3, { bigint: true }).ino,
  $PID: () => process.pid,
  $HEXPID: () => process.pid.toString(16),
  $OCTPID: () => process.pid.toString(8),
  $PPID: () => process.ppid,
};

/** The bytes of a field. */
function decode(field) {
  const parts = field.match(/\\x..|\$(?:PIDFDID|PID|HEXPID|OCTPID|PPID)|[^\\$]+|./gs) ?? [];
  return Buffer.concat(
    parts.map((part) =>
      part.startsWith('\\x')
        ? Buffer.from(part.slice(2), 'hex')
        : Buffer.from(String(tokens[part]?.() ?? part)),
    ),
  );
}

// --- Arguments: undefined for an omitted one ---

const number = (field) => (field === undefined ? undefined : Number(field));
const flag = (field) => (field === undefined ? undefined : `${field}` === 'true');
const text = (field) => (`${field}` === 'NULL' ? null : field?.toString());
const usec = (field) => BigInt(field.toString());
const fds = (field) => (field.length === 0 ? [] : `${field}`.split(',').map(Number));

const prefixed = (field, prefix) => field?.subarray(0, prefix.length).toString() === prefix;

const bytes = (field) => new Uint8Array(field.subarray('bytes:'.length));
const path = (field) => (prefixed(field, 'bytes:') ? bytes(field) : text(field));

function address(field) {
  if (prefixed(field, 'bytes:')) return bytes(field);
  const [family, rest] = `${field}`.split(/:(.*)/s);
  const [host, ...numbers] = rest.split(',');
  const [port, flowinfo, scopeId] = numbers.map(Number);
  return family === 'inet'
    ? { family, address: host, port }
    : { family, address: host, port, flowinfo, scopeId };
}

// --- The functions: each returns C's result and the out-parameters ---

const yes = (value) => [value === true ? 1 : value === false ? 0 : `no boolean: ${value}`];

const functions = {
  sd_listen_fds: (unset) => [sd.sd_listen_fds(flag(unset))],
  sd_listen_fds_with_names: (unset) => {
    const names = sd.sd_listen_fds_with_names(flag(unset));
    return [names.length, ...names];
  },
  sd_is_fifo: (fd, name) => yes(sd.sd_is_fifo(number(fd), text(name))),
  sd_is_special: (fd, name) => yes(sd.sd_is_special(number(fd), text(name))),
  sd_is_mq: (fd, name) => yes(sd.sd_is_mq(number(fd), text(name))),
  sd_is_socket: (...numbers) => yes(sd.sd_is_socket(...numbers.map(number))),
  sd_is_socket_inet: (...numbers) => yes(sd.sd_is_socket_inet(...numbers.map(number))),
  sd_is_socket_sockaddr: (fd, type, name, listening) =>
    yes(sd.sd_is_socket_sockaddr(number(fd), number(type), address(name), number(listening))),
  sd_is_socket_unix: (fd, type, listening, name) =>
    yes(sd.sd_is_socket_unix(number(fd), number(type), number(listening), path(name))),
  sd_notify: (unset, state) => yes(sd.sd_notify(flag(unset), text(state))),
  sd_pid_notify: (pid, unset, state) =>
    yes(sd.sd_pid_notify(number(pid), flag(unset), text(state))),
  sd_pid_notify_with_fds: (pid, unset, state, list) =>
    yes(sd.sd_pid_notify_with_fds(number(pid), flag(unset), text(state), fds(list))),
  sd_notify_barrier: (unset, timeout) =>
    barrier(usec(timeout), (limit) => sd.sd_notify_barrier(flag(unset), limit)),
  sd_pid_notify_barrier: (pid, unset, timeout) =>
    barrier(usec(timeout), (limit) => sd.sd_pid_notify_barrier(number(pid), flag(unset), limit)),
  sd_pidfd_get_inode_id: (pidfd) => [0, sd.sd_pidfd_get_inode_id(number(pidfd))],
  sd_booted: () => yes(sd.sd_booted()),
  sd_watchdog_enabled: (unset) => {
    const timeout = sd.sd_watchdog_enabled(flag(unset));
    return timeout === 0n ? [0] : [1, timeout];
  },

  close: (fd) => {
    fs.closeSync(number(fd));
    return [0];
  },
  cloexec: (first, last) => [
    0,
    ...Array.from({ length: number(last) - number(first) + 1 }, (_, i) => number(first) + i).filter(
      isCloexec,
    ),
  ],
};

/** After ETIMEDOUT, also tells whether the whole timeout has passed, which shows that its unit is right. */
function barrier(timeout, wait) {
  const begin = process.hrtime.bigint();
  try {
    return yes(wait(timeout));
  } catch (error) {
    if (error.code !== 'ETIMEDOUT') throw error;
    const waited = process.hrtime.bigint() - begin >= timeout * 1000n;
    return [...failure(error, error.syscall), waited ? 'waited' : 'too soon'];
  }
}

function isCloexec(fd) {
  const O_CLOEXEC = 0o2000000;
  try {
    const [, flags] = /^flags:\s*(\d+)/m.exec(fs.readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'));
    return (Number.parseInt(flags, 8) & O_CLOEXEC) !== 0;
  } catch {
    return false;
  }
}

/** The facts of an error that C has too; the stack of an error that C can't have. */
function failure(error, name) {
  if (!(error instanceof sd.SystemdError) || error.syscall !== name) return [error.stack];
  return [error.errno === undefined ? error.code : `${error.errno} ${error.code}`];
}

function attempt(name, args) {
  try {
    return functions[name](...args);
  } catch (error) {
    return failure(error, name);
  }
}

const controls = /[\x00-\x1f\\]/g;
const escaped = (value) =>
  `${value}`.replace(controls, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`);

function answer(line) {
  for (const name of Object.keys(process.env)) delete process.env[name];
  const fields = line.split('\t');
  while (fields[0].includes('=')) {
    const [name, value] = fields.shift().split(/=(.*)/s);
    process.env[name] = decode(value).toString();
  }
  const [name, ...args] = fields;
  const outcome = attempt(name, args.map(decode));
  const left = Object.keys(process.env).map((variable) => `${variable}=`);
  return [...outcome.map(escaped), ...left].join('\t');
}

for (const line of fs.readFileSync(0, 'utf8').split('\n').slice(0, -1)) console.log(answer(line));

const maps = fs.readFileSync('/proc/self/maps', 'utf8');
const [library] = /\/.*\/libsystemd\.so\..*/.exec(maps) ?? ['no library'];
const implementation = JSON.stringify(sd.implementation);
console.log([process.pid, process.ppid, library, implementation].join('\t'));
