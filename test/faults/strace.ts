// strace(1), which has the kernel fail calls of one process for as long as it is attached to it.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';

export class Injection {
  readonly #strace: ChildProcess;

  private constructor(strace: ChildProcess) {
    this.#strace = strace;
  }

  /**
   * From now on these system calls fail with this error in the process, in all its threads.
   *
   * @param paths - only those that open one of these
   */
  static async begin(
    pid: number | undefined,
    calls: string,
    error: string,
    paths: readonly string[] = [],
  ): Promise<Injection> {
    const which = ['-e', `trace=${calls}`, ...paths.flatMap((path) => ['-P', path])];
    const args = ['-f', '-p', String(pid), '-o', '/dev/null', ...which];
    const strace = spawn('strace', [...args, '-e', `inject=${calls}:error=${error}`], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let said = '';
    strace.stderr.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    while (!said.includes(' attached')) {
      const [what] = await Promise.race([once(strace.stderr, 'data'), once(strace, 'exit')]);
      if (typeof what !== 'string') throw new Error(`strace did not attach: ${said}`);
    }
    return new Injection(strace);
  }

  /** From now on they do again what they do. */
  async end(): Promise<void> {
    this.#strace.kill('SIGINT');
    await once(this.#strace, 'exit');
  }
}
