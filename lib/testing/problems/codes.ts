// The codes of the problems that a unit may have, each with its meaning.

// The table is used as a type only. test/testing/problems.test.ts compares it with docs/testing.md.
export const PROBLEM_CODES = {
  'backlog-shrunk': 'A passed socket has a shorter queue of connections than its unit gave it.',
  'barrier-with-text': 'BARRIER=1 was sent together with other lines, which were lost.',
  'children-left': 'The main process ended before processes that it had started.',
  'duplicate-key': 'A message has a key twice, and only the first line counts.',
  'exit-143': 'The program caught SIGTERM, and then ended with 143, which is a failure.',
  'exit-before-ready': 'The main process ended with 0, and had never sent READY=1.',
  'inherited-environment': 'A child process inherited variables that were meant for its parent.',
  'listen-pid': 'LISTEN_PID names another process than the one that reads it.',
  'message-too-long': 'A message is longer than 4096 bytes, and was lost.',
  'near-miss': 'A line is nearly an assignment that the manager knows, and does nothing.',
  'never-ready': 'READY=1 did not come.',
  'null-byte': 'A message has a null byte, and was lost.',
  'path-unlinked': 'The file of a passed Unix socket is gone, so nobody can connect any more.',
  'reload-old-time': "MONOTONIC_USEC is older than the reload's begin, so the reload does not end.",
  'reload-without-time': 'RELOADING=1 came without MONOTONIC_USEC, so the reload does not end.',
  'sender-not-allowed': 'A process sent a message, and NotifyAccess= does not allow it to.',
  'sighup-not-handled': 'SIGHUP, which asks for a reload, would have ended the process.',
  'stopping-without-exit': 'STOPPING=1 was sent, and the process did not end.',
  'store-duplicate': 'A descriptor was stored that is in the store already.',
  'store-full': 'A descriptor was not stored, because the store is full.',
  'store-name': 'A descriptor was stored without a valid FDNAME.',
  'store-unconnected': 'A descriptor was stored that the manager drops at once.',
  'trailing-backslash': 'A message ends with a backslash, and was lost.',
  'watchdog-before-ready':
    'WATCHDOG=1 before READY=1 lets the watchdog kill the service while it starts.',
  'watchdog-late': 'The watchdog is pinged later than at half its timeout.',
} as const;

/**
 * The code of a {@link Problem}. docs/testing.md says of each what the program does, and what to change.
 *
 * @useDeclaredType
 */
export type ProblemCode = keyof typeof PROBLEM_CODES;

/** What a program does wrong, although it may have worked this time. */
export interface Problem {
  readonly code: ProblemCode;
  /** What happened, as one line. */
  readonly message: string;
  /** What to change. */
  readonly hint: string;
}
