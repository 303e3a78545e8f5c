// Runs all scripts on one side, many at a time.
import { availableParallelism } from 'node:os';
import { Run, type Side } from './script.ts';
import { SCRIPTS } from './scripts.ts';

/** Most scripts wait most of the time. */
const AT_A_TIME = 12 * availableParallelism();

/** The name of the unit of a script. */
const unitOf = (index: number) => `script-${index}`;

/** The settings of all units, by their names. */
export const SETTINGS: ReadonlyMap<string, string> = new Map(
  SCRIPTS.map(([, settings], index) => [unitOf(index), settings]),
);

/** Runs the scripts. Returns what was seen, by the names of the scripts. */
export async function runAll(
  side: Side,
  isWanted: (name: string) => boolean = () => true,
): Promise<ReadonlyMap<string, readonly string[]>> {
  const seen = new Map<string, readonly string[]>();
  const waiting = SCRIPTS.map(([name, , script], index) => ({ name, script, index })).filter(
    ({ name }) => isWanted(name),
  );
  for (const { name } of waiting) seen.set(name, []);
  const work = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift())
      seen.set(next.name, await new Run(side, unitOf(next.index)).run(next.script));
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, work));
  return seen;
}
