// The environment of child processes: LISTEN_* stay in process.env, because the program may read them itself, but are
// for this process alone.

const NAMES = ['LISTEN_PID', 'LISTEN_PIDFDID', 'LISTEN_FDS', 'LISTEN_FDNAMES'];

interface SpawnOptions {
  /** Each variable as NAME=value. */
  envPairs?: readonly string[];
}

interface ChildProcessPrototype {
  /** Every function of node:child_process that does not block calls this one. */
  spawn(options: SpawnOptions): unknown;
}

/** Variables that the program has set for the child itself, to pass sockets on, stay as they are. */
export function hideFromChildren(): void {
  const own = new Set(NAMES.map((name) => `${name}=${process.env[name]}`));
  // LISTEN_FDS alone does not tell whether a child inherits it: its value is most often 1.
  const ownPid = `LISTEN_PID=${process.pid}`;
  const { ChildProcess } = process.getBuiltinModule('node:child_process');
  const prototype = ChildProcess.prototype as unknown as ChildProcessPrototype;
  const { spawn } = prototype;
  prototype.spawn = function (options) {
    if (Array.isArray(options?.envPairs) && options.envPairs.includes(ownPid)) {
      options.envPairs = options.envPairs.filter((pair) => !own.has(pair));
    }
    return spawn.call(this, options);
  };
}
