// The units that a service and its sockets name: a start fails for one that it requires and that does not exist.
import { allWords, expanded, type Facts, type Lines } from '../facts.ts';
import { advice, bad, type Finding, good } from '../finding.ts';
import { type Existence, lookUp, similarUnit } from '../unit-lookup.ts';

/** Without these a start fails, see systemd.unit(5). */
const NEEDED = ['Requires', 'BindsTo', 'Requisite'];

/** Where these name no unit, systemd goes on without a word, and does not what was meant. */
const WISHED: Readonly<Record<string, string>> = {
  Wants: 'nothing is started',
  Upholds: 'nothing is started',
  Sockets: 'it passes no socket',
  After: 'nothing is waited for',
};

interface Dependency {
  readonly key: string;
  readonly name: string;
  /** The unit whose file names it. */
  readonly of: string;
}

const isNeeded = ({ key }: Dependency): boolean => NEEDED.includes(key);

function dependenciesOf(unit: Lines): Dependency[] {
  return [...NEEDED, ...Object.keys(WISHED)].flatMap((key) =>
    allWords(unit, key).flatMap((word) => {
      const name = expanded(unit, word);
      return name === undefined || name === '' ? [] : [{ key, name, of: unit.name }];
    }),
  );
}

function findingOf(dependency: Dependency, existence: Existence, facts: Facts): Finding[] {
  if (existence === 'there') return [];
  const { key, name, of } = dependency;
  const text = `${key}=${name} of ${of}`;
  if (existence === 'unknown') {
    const why = `${text}: systemd is not installed here, so nobody knows whether there is such a unit`;
    return isNeeded(dependency) ? [advice('dependency', why)] : [];
  }
  const what = existence === 'masked' ? 'this unit is masked' : 'there is no such unit';
  const similar = existence === 'missing' ? similarUnit(name, facts) : undefined;
  const lines = similar === undefined ? [] : [`${key}=${similar}`];
  if (!isNeeded(dependency))
    return [advice('dependency', `${text}: ${what}, so ${WISHED[key]}`, ...lines)];
  const unmask = existence === 'masked' ? `systemctl unmask ${name}` : `Wants=${name}`;
  return [bad('dependency', `${text}: ${what}, so the start fails`, ...lines, unmask)];
}

/** All findings about the units that are named. One that is named twice is reported once, by what is worse. */
export async function checkDependencies(facts: Facts): Promise<Finding[]> {
  const { file } = facts;
  if (file === undefined) return [];
  const all = [file.service, ...file.sockets].flatMap(dependenciesOf);
  const byName = new Map<string, Dependency>();
  for (const one of [...all.filter(isNeeded), ...all]) {
    if (!byName.has(one.name)) byName.set(one.name, one);
  }
  if (byName.size === 0) return [];
  const names = [...byName.keys()];
  const existence = await lookUp(names, facts);
  const findings = [...byName.values()].flatMap((one) =>
    findingOf(one, existence.get(one.name) ?? 'there', facts),
  );
  return findings.length > 0
    ? findings
    : [good('dependency', `the units that it names are there: ${names.join(', ')}`)];
}
