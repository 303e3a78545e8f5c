// Fault injection: strace(1) makes system calls of one process fail for as long as it is attached.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';

export class Injection {
  readonly #strace: ChildProcess;

  private constructor(strace: ChildProcess) {
    this.#strace = strace;
  }

  /**
   * Makes system calls fail in all threads of a process.
   *
   * @param calls - the names of the system calls, with commas between them
   * @param error - an errno's name
   * @param paths - when given, only calls that open one of these paths fail
   */
  static async begin(
    pid: number | undefined,
    calls: string,
    error: string,
    paths: readonly string[] = [],
  ): Promise<Injection> {
    const filters = ['-e', `trace=${calls}`, ...paths.flatMap((path) => ['-P', path])];
    const args = ['-f', '-p', String(pid), '-o', '/dev/null', ...filters];
    const strace = spawn('strace', [...args, '-e', `inject=${calls}:error=${error}`], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let output = '';
    strace.stderr.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
    while (!output.includes(' attached')) {
      const [event] = await Promise.race([once(strace.stderr, 'data'), once(strace, 'exit')]);
      if (typeof event !== 'string') throw new Error(`strace did not attach: ${output}`);
    }
    return new Injection(strace);
  }

  /** Detaches strace, so that the system calls succeed again. */
  async end(): Promise<void> {
    this.#strace.kill('SIGINT');
    await once(this.#strace, 'exit');
  }
}
