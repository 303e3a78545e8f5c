// What was seen of each script under real managers (outcomes.jsonl). Another manager is expected to show the same, and so
// are the rules of its release.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../support/tools.ts';

/** What was seen, step by step; or, where releases differ, by the first release that shows it. */
type Outcome = readonly string[] | Readonly<Record<string, readonly string[]>>;

const PATH = join(root, 'test/manager-rules/outcomes.jsonl');

/** By the names of the scripts, a line each. */
const outcomes = new Map<string, Outcome>(
  readFileSync(PATH, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line)),
);

/** What a release shows, as far as it is known: what the newest recorded one does that is not newer. */
export function expectedOutcome(script: string, systemd: number): readonly string[] | undefined {
  const outcome = outcomes.get(script);
  if (outcome === undefined || isList(outcome)) return outcome;
  const since = Object.keys(outcome)
    .map(Number)
    .filter((one) => one <= systemd);
  return outcome[String(Math.max(...since))];
}

function isList(outcome: Outcome): outcome is readonly string[] {
  return Array.isArray(outcome);
}

/** Writes what a release shows into the file, a line a script. */
export function record(systemd: number, seen: ReadonlyMap<string, readonly string[]>): void {
  const lines = [...seen].map(([name, steps]) => {
    const before = outcomes.get(name);
    const outcome = before === undefined ? steps : merge(before, systemd, steps);
    return `${JSON.stringify([name, outcome])}\n`;
  });
  writeFileSync(PATH, lines.join(''));
}

/** The oldest release that was recorded is the one of a list. */
const OLDEST = 252;

function merge(before: Outcome, systemd: number, steps: readonly string[]): Outcome {
  const known = isList(before) ? { [OLDEST]: before } : before;
  const all: Record<string, readonly string[]> = { ...known, [systemd]: steps };
  const [first, ...others] = Object.values(all).map((one) => JSON.stringify(one));
  return others.every((one) => one === first) ? steps : all;
}
