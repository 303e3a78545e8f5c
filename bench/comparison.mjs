// A comparison: several sides do the same in turns, and the medians become a row of a table.
import { measureInTurn, median } from './rounds.mjs';

/**
 * Makes sides of the other packages that have an entry in `ways`: `sideOf(ways[name], name)`. A package that could not
 * be installed gets no side, but the reason. `notes` has the notes of some packages by their names.
 */
export function otherSides(packages, ways, sideOf, notes = {}) {
  const known = packages.filter(({ name }) => name in ways);
  return known.map(({ name, version, reason }) => {
    const other = { title: `${name} ${version}`, note: notes[name] };
    return reason === undefined
      ? { ...other, side: sideOf(ways[name], name) }
      : { ...other, reason };
  });
}

/** Calls a side once. A package that fails gets a reason instead, because that is no failure of the benchmark. */
async function tryOnce({ side, ...other }) {
  if (side === undefined) return other;
  try {
    await side();
    return { ...other, side };
  } catch (error) {
    console.error(`${other.title}: ${error.message}`);
    return { ...other, reason: 'fails when called' };
  }
}

/**
 * Calls all sides in turns, and returns their answers. `sides` has `node` (this package), and optionally `c` or `plain`
 * (Node alone). `others` are the result of `otherSides()`.
 */
export async function compare(sides, others, rounds) {
  const checked = [];
  for (const other of others) checked.push(await tryOnce(other));
  const able = checked.filter(({ side }) => side !== undefined);
  const all = [...Object.values(sides), ...able.map(({ side }) => side)];
  const answers = await measureInTurn(all, rounds);
  const takeNext = () => answers.shift();
  return {
    ours: Object.fromEntries(Object.keys(sides).map((name) => [name, takeNext()])),
    others: checked.map(({ side, ...other }) =>
      side === undefined ? other : { ...other, answers: takeNext() },
    ),
  };
}

/** Returns the medians of one figure of the answers, as part of a row for table.mjs. */
export function medians({ ours, others }, figure = (answer) => answer) {
  const medianOf = (answers) => median(answers.map(figure));
  return {
    ...Object.fromEntries(Object.entries(ours).map(([name, answers]) => [name, medianOf(answers)])),
    others: others.map(({ answers, ...other }) =>
      answers === undefined ? other : { ...other, value: medianOf(answers) },
    ),
  };
}
