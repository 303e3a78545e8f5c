// systemctl(1): what the manager knows of a unit, where a manager runs.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** The milliseconds that systemctl may take. It waits for a manager that is busy. */
const TIMEOUT = 20_000;

/** Properties as `systemctl show` prints them. */
export type Shown = Readonly<Record<string, string>>;

/** What systemctl(1) prints. Rejects as execFile() of Node does. */
export async function systemctl(...args: string[]): Promise<string> {
  const env = { ...process.env, LC_ALL: 'C.UTF-8', SYSTEMD_COLORS: '0', SYSTEMD_PAGER: '' };
  const { stdout } = await run('systemctl', args, { env, timeout: TIMEOUT });
  return stdout;
}

/** The release of systemd on this machine; undefined where there is no systemctl. */
export async function installedRelease(): Promise<number | undefined> {
  const output = await systemctl('--version').catch(() => '');
  const release = Number(/^systemd (\d+)/.exec(output)?.[1]);
  return release > 0 ? release : undefined;
}

/** The properties in what `systemctl show` prints. */
export function parseProperties(output: string): Shown {
  const pairs = output.split('\n').map((line) => {
    const at = line.indexOf('=');
    return [line.slice(0, Math.max(at, 0)), line.slice(at + 1)] as const;
  });
  return Object.fromEntries(pairs);
}

/**
 * The properties of a unit; undefined where no manager answers. A unit that does not exist has `LoadState=not-found`.
 */
export async function show(unit: string): Promise<Shown | undefined> {
  try {
    return parseProperties(await systemctl('show', '--no-pager', '--', unit));
  } catch {
    return undefined;
  }
}

/** The properties of all loaded units that match a pattern or a name; [] where no manager answers. */
export async function showAll(...patterns: string[]): Promise<Shown[]> {
  if (patterns.length === 0) return [];
  const output = await systemctl('show', '--no-pager', '--', ...patterns).catch(() => '');
  return output
    .split('\n\n')
    .filter((block) => block.trim() !== '')
    .map(parseProperties);
}
