// One thing done by several sides in turns, and the rows of the table that come of it.
import { inTurn, median } from './rounds.mjs';

/**
 * The other packages as sides: `sideOf(way, name)` for each that has a way in `ways`, by its name. One that
 * could not be installed is only listed, with the reason.
 */
export function otherSides(packages, ways, sideOf) {
  const able = packages.filter(({ name }) => name in ways);
  return able.map(({ name, version, reason }) => {
    const title = `${name} ${version}`;
    return reason === undefined ? { title, side: sideOf(ways[name], name) } : { title, reason };
  });
}

/** What worked once works; a package of others that doesn't is no failure of the benchmark. */
async function tried({ title, side, reason }) {
  if (side === undefined) return { title, reason };
  try {
    await side();
    return { title, side };
  } catch (error) {
    console.error(`${title}: ${error.message}`);
    return { title, reason: 'fails when called' };
  }
}

/**
 * What each side answers in so many rounds. `sides` has `node`, which is this package, and perhaps
 * `c` or `plain`; `others` is of `otherSides()`.
 */
export async function compare(sides, others, rounds) {
  const checked = [];
  for (const other of others) checked.push(await tried(other));
  const able = checked.filter(({ side }) => side !== undefined);
  const all = [...Object.values(sides), ...able.map(({ side }) => side)];
  const answers = await inTurn(all, rounds);
  const take = () => answers.shift();
  return {
    ours: Object.fromEntries(Object.keys(sides).map((name) => [name, take()])),
    others: checked.map(({ title, side, reason }) =>
      side === undefined ? { title, reason } : { title, answers: take() },
    ),
  };
}

/** The medians of one figure of the answers, for the table. */
export function medians({ ours, others }, figure = (answer) => answer) {
  const of = (answers) => median(answers.map(figure));
  return {
    ...Object.fromEntries(Object.entries(ours).map(([name, answers]) => [name, of(answers)])),
    others: others.map(({ title, answers, reason }) =>
      answers === undefined ? { title, reason } : { title, value: of(answers) },
    ),
  };
}
