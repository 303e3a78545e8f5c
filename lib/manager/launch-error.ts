// Why a program was not started.

// The exit statuses of a process that could not become its program (systemd.exec(5), "Process Exit Codes").
export const EXIT_CHDIR = 200;
export const EXIT_EXEC = 203;
export const EXIT_STDIN = 208;

/** Why a program can't be started, with the exit status by which systemd reports it. */
export class LaunchError extends Error {
  readonly status: number;

  constructor(status: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.status = status;
  }
}
