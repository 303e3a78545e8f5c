// What the units name, and this machine does not have: they may be for another one.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { whyNoProgram } from './exec.ts';
import type { UnitsRequest } from './request.ts';

/** Something that is missing, and what helps: an advice in words, or a command. */
export interface Missing {
  readonly what: string;
  readonly advice?: string;
  readonly command?: string;
}

/** The user, by getent(1), which asks also where users are beside /etc/passwd. */
function hasUser(name: string): boolean {
  try {
    execFileSync('getent', ['passwd', '--', name], { stdio: 'ignore', timeout: 10_000 });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') return false;
    const passwd = existsSync('/etc/passwd') ? readFileSync('/etc/passwd', 'utf8') : '';
    return passwd.split('\n').some((line) => line.startsWith(`${name}:`));
  }
}

/** The command that makes a user for a service. */
const makeUser = (name: string): string =>
  `sudo useradd --system --no-create-home --shell /usr/sbin/nologin ${name}`;

/** What is missing here, and has to be there before the start. */
export function missingHere({ command, script, user }: UnitsRequest): Missing[] {
  const [program = ''] = command;
  const why = whyNoProgram(program);
  const missing: Missing[] = [];
  if (why !== undefined) missing.push({ what: `${program} ${why} here`, advice: 'install it' });
  if (script !== undefined && !existsSync(script))
    missing.push({
      what: `${script} does not exist here`,
      advice: 'copy it there before the start',
    });
  if (user !== undefined && !hasUser(user))
    missing.push({ what: `the user ${user} does not exist here`, command: makeUser(user) });
  return missing;
}
