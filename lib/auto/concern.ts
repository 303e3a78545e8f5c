// isConcerned(): false in a process that is of no concern to the preload. Imports nothing, because every start of a
// program asks.

/** The pid of the main process of the service. Its children, cluster workers and worker threads inherit it. */
export const MAIN_PID = 'LIBSYSTEMD_AUTO_PID';

/** False in a process that systemd has not started, and that descends from none. */
export function isConcerned(): boolean {
  const { bun, deno } = process.versions;
  if (process.platform !== 'linux' || bun || deno) return false;
  const { LISTEN_PID, NOTIFY_SOCKET, [MAIN_PID]: main } = process.env;
  return Boolean(LISTEN_PID || NOTIFY_SOCKET || main);
}
