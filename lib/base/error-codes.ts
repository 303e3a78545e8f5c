// The codes of this package's own errors and warnings, each with its meaning. docs/errors.md says more about each.
import type { constants } from 'node:os';

// The table is used as a type only, so the programs in dist/ do not contain the sentences.
// test/base/error-codes.test.ts compares it with docs/errors.md, and with the codes that lib/ uses.
export const ERROR_CODES = {
  ERR_SYSTEMD_ADDON: 'No file of the add-on can be loaded.',
  ERR_SYSTEMD_BACKLOG:
    'Warning: the backlog that the socket unit set for a Unix socket is unknown, and was replaced.',
  ERR_SYSTEMD_CLOSED: 'The server was closed before it listened, or the Unix socket is closed.',
  ERR_SYSTEMD_CLUSTER: 'A cluster worker cannot get a descriptor from its primary process.',
  ERR_SYSTEMD_CREDENTIAL: 'The unit gave no credential of this name, or it is no text.',
  ERR_SYSTEMD_CUT:
    'Warning: the service closed connections that were still open when it had to stop.',
  ERR_SYSTEMD_DIRECTORY: 'The unit gave no such directory, or several.',
  ERR_SYSTEMD_EXIT: 'Warning: process.exit() was called before the service had stopped.',
  ERR_SYSTEMD_FD_COUNT: 'Several descriptors match where one was expected.',
  ERR_SYSTEMD_FD_KIND: 'The descriptor is of another kind than the call needs.',
  ERR_SYSTEMD_FD_NAME: 'No descriptor with this name was passed.',
  ERR_SYSTEMD_HELD:
    'Warning: the service has stopped, and something keeps its process from ending.',
  ERR_SYSTEMD_HOOK: 'Warning: a hook of the program threw, rejected or never settled.',
  ERR_SYSTEMD_HOOK_WAITS: 'Warning: a hook called a method that waits for this hook.',
  ERR_SYSTEMD_JOURNAL: 'Warning: entries of the journal were dropped.',
  ERR_SYSTEMD_JOURNALCTL: 'journalctl failed, or did not write the export format.',
  ERR_SYSTEMD_LOST: 'Warning: the process ends with notifications that were never sent.',
  ERR_SYSTEMD_MEMORY_PRESSURE:
    'MEMORY_PRESSURE_WATCH or MEMORY_PRESSURE_WRITE is malformed, or names a file that cannot be watched.',
  ERR_SYSTEMD_MESSAGE_SIZE:
    'The notification is longer than the 4096 bytes that the manager reads.',
  ERR_SYSTEMD_NOT_ACTIVATED: 'No socket was passed to this process, and there is no fallback.',
  ERR_SYSTEMD_NO_MATCH:
    'Warning: systemd holds no socket for the port or path on which the program listens.',
  ERR_SYSTEMD_PROBLEMS:
    'A unit under test has done what was asked, and has problems that would show under systemd.',
  ERR_SYSTEMD_QUEUE_FULL: 'Too many notifications or messages already wait to be sent.',
  ERR_SYSTEMD_RUNTIME: 'The call works in Node, and not in the runtime of this process.',
  ERR_SYSTEMD_SERVING: 'A service already runs in this process.',
  ERR_SYSTEMD_SIGNALS: 'Warning: other code listens to the signals that stop the service.',
  ERR_SYSTEMD_STOPPED: 'The service has stopped, or is stopping.',
  ERR_SYSTEMD_THREAD: 'The call works only in the main thread, or only after a call there.',
  ERR_SYSTEMD_UNHEALTHY: "The watchdog's check failed or took too long, so no ping was sent.",
  ERR_SYSTEMD_UNIT: 'A unit under test did not start, reload or stop, or not come to a state.',
  ERR_SYSTEMD_UNIT_FILE: 'A unit file is missing, or describes no service that can be run.',
  ERR_SYSTEMD_UNTAKEN:
    'Warning: the service is ready, and no server listens on a socket of its unit.',
  ERR_SYSTEMD_WORKER: 'A cluster worker of the service ended, or could not be started.',
} as const;

/**
 * A code of this package's own errors and warnings. Errors of the system have an errno's name, such as
 * `EBADF`, instead.
 *
 * @useDeclaredType
 */
export type SystemdErrorCode = keyof typeof ERROR_CODES;

/** The name of an errno, such as `EBADF`. */
export type ErrnoCode = keyof typeof constants.errno;
