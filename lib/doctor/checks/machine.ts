// This machine: systemd, libsystemd, and what systemd-analyze says of the files.
import { existsSync } from 'node:fs';
import { implementation } from '../../sd/implementation.ts';
import { score, verify } from '../analyze.ts';
import { type Facts, folderOf } from '../facts.ts';
import { advice, bad, type Finding, good } from '../finding.ts';

/** Is there when systemd is the manager of the machine, see sd_booted(3). */
const BOOTED = '/run/systemd/system';

/** The exposure from which on hardening is advised: that of a unit with DynamicUser=yes is 8.4. */
const MUCH_EXPOSURE = 5;

export function checkManager({ shown, systemd }: Facts): Finding[] {
  if (shown !== undefined) return [good('systemd', `systemd ${systemd}`)];
  const why =
    systemd === undefined
      ? 'systemd is not installed here'
      : `systemd ${systemd} ${existsSync(BOOTED) ? 'was not asked' : 'does not run here'}`;
  return [advice('systemd', `${why}: only the files were read`)];
}

/** Which library serves the calls of this package. */
export function checkLibrary(): Finding {
  const { library, builtin } = implementation;
  if (library === undefined)
    return good('libsystemd', 'libsystemd is not installed: the built-in functions stand in');
  const some =
    builtin.length === 0
      ? 'has every function'
      : `lacks ${builtin.join(', ')}, and built-in ones stand in`;
  return good('libsystemd', `${library} ${some}`);
}

/** Words of objections to what works now, such as User=nobody, KillMode=none, StandardOutput=syslog, /var/run. */
const WORKS_ALL_THE_SAME = /not safe|unsafe|deprecated|obsolete|legacy/i;

/** What systemd-analyze objects to, but for the lines that were reported when the files were read. */
async function checkVerify(facts: Facts): Promise<Finding[]> {
  const known = (facts.file?.unknown ?? []).map(({ file, line }) => `${file}:${line}:`);
  const lines = await verify(folderOf(facts), facts.paths);
  const objections = lines?.filter((line) => !known.some((place) => line.includes(place)));
  if (objections === undefined)
    return [advice('verify', 'systemd-analyze is not installed: the files were not verified')];
  if (objections.length === 0)
    return [
      good('verify', `systemd-analyze verify: no ${known.length > 0 ? 'further ' : ''}objections`),
    ];
  return objections.map((line) =>
    (WORKS_ALL_THE_SAME.test(line) ? advice : bad)('verify', `systemd-analyze verify: ${line}`),
  );
}

async function checkScore(facts: Facts): Promise<Finding[]> {
  const rated = await score(folderOf(facts), facts.paths[0] as string);
  if (rated === undefined) return [];
  const text = `systemd-analyze security: ${rated.exposure.toFixed(1)} ${rated.word}`;
  return [
    rated.exposure <= MUCH_EXPOSURE
      ? good('score', text)
      : advice(
          'score',
          `${text}; a hardened Node service has 1.1`,
          `npx libsystemd units --name ${facts.name.replace(/[@.].*/, '')} --dry-run …`,
        ),
  ];
}

/** What systemd-analyze says. */
export async function checkAnalysis(facts: Facts): Promise<Finding[]> {
  if (facts.paths.length === 0) return [];
  return (await Promise.all([checkVerify(facts), checkScore(facts)])).flat();
}
