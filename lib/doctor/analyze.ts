// systemd-analyze(1): what it says of unit files, where it is installed.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** The milliseconds that systemd-analyze may take. */
const TIMEOUT = 30_000;

/** The exposure of a service, as `systemd-analyze security` rates it. */
export interface Score {
  /** From 0.0 to 10.0, which is the worst. */
  readonly exposure: number;
  /** systemd's word for it: SAFE, OK, MEDIUM, EXPOSED, UNSAFE. */
  readonly word: string;
}

interface Answer {
  readonly stdout: string;
  readonly stderr: string;
  readonly isFailure: boolean;
}

/** Runs systemd-analyze; undefined where there is none. */
async function analyze(args: readonly string[], folder: string): Promise<Answer | undefined> {
  const env = {
    ...process.env,
    LC_ALL: 'C.UTF-8',
    SYSTEMD_COLORS: '0',
    // The colon at the end adds the manager's own folders.
    SYSTEMD_UNIT_PATH: `${folder}:`,
  };
  try {
    const answer = await run('systemd-analyze', [...args], { env, timeout: TIMEOUT });
    return { ...answer, isFailure: false };
  } catch (error) {
    const { code, stdout = '', stderr = '' } = error as NodeJS.ErrnoException & Partial<Answer>;
    return code === 'ENOENT' ? undefined : { stdout, stderr, isFailure: true };
  }
}

/**
 * What `systemd-analyze verify` objects to in these units, a line each; [] for nothing; undefined where there is no
 * systemd-analyze. It also looks at the units that they name, of which a needed one may be missing. What is wrong
 * within those is left out.
 *
 * @param folder - has the units
 */
export async function verify(
  folder: string,
  paths: readonly string[],
): Promise<readonly string[] | undefined> {
  const args = ['verify', '--man=no', '--recursive-errors=one', ...paths];
  const answer = await analyze(args, folder);
  const names = paths.map((path) => path.slice(path.lastIndexOf('/') + 1));
  return answer?.stderr.split('\n').filter((line) => names.some((name) => line.includes(name)));
}

/** The exposure of a service's file; undefined where systemd-analyze is missing, or older than 250. */
export async function score(folder: string, path: string): Promise<Score | undefined> {
  const answer = await analyze(['security', '--offline=yes', '--no-pager', path], folder);
  const [, exposure, word = ''] =
    /exposure level for [^\n]*: ([\d.]+) (\w+)/.exec(answer?.stdout ?? '') ?? [];
  return exposure === undefined ? undefined : { exposure: Number(exposure), word };
}
