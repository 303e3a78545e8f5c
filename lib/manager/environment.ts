// The environment that a process gets from its service manager, as far as it does not depend on the unit's state.
import { os } from '../base/lazy-builtins.ts';
import type { UnitDescription } from './description.ts';

/** The PATH of systemd's own build. It has no folder of nvm or of node_modules, so a test finds what relies on one. */
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** The name of the user of this process; undefined when the user database lacks it. */
function userName(): string | undefined {
  try {
    return os().userInfo().username;
  } catch {
    return undefined;
  }
}

/**
 * The variables of every process of a unit: those of systemd.exec(5), "Environment variables in spawned processes", and
 * NODE_V8_COVERAGE of this process, so that the coverage of a test includes its daemon. Environment= comes last,
 * because PID 1 lets it win over its own variables.
 *
 * @param own - the variables that depend on the state of the unit, such as LISTEN_FDS
 */
export function environmentOf(
  unit: UnitDescription,
  invocation: string,
  own: Readonly<Record<string, string>>,
): Record<string, string> {
  const coverage = process.env['NODE_V8_COVERAGE'];
  const user = userName();
  return {
    PATH,
    LANG: 'C.UTF-8',
    // 255 was the first release that set it for services without User=.
    ...(unit.systemd >= 255 && user !== undefined ? { USER: user } : {}),
    INVOCATION_ID: invocation,
    ...(coverage === undefined ? {} : { NODE_V8_COVERAGE: coverage }),
    ...own,
    ...unit.environment,
  };
}

/** The variables that get the pid of the process itself, unless Environment= has them. */
export function pidVariables(
  env: Readonly<Record<string, string>>,
  unit: UnitDescription,
): readonly string[] {
  return [
    'SYSTEMD_EXEC_PID',
    ...('LISTEN_FDS' in env ? ['LISTEN_PID'] : []),
    ...('WATCHDOG_USEC' in env ? ['WATCHDOG_PID'] : []),
  ].filter((name) => !(name in unit.environment));
}
