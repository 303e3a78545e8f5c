// Measuring on a machine that does other things too: many short rounds, each side in turn, and the
// medians of them.

export function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/**
 * What each side answers, in so many rounds. Every other round goes backwards, so that no side always
 * comes after the same one.
 */
export async function inTurn(sides, rounds) {
  const answers = sides.map(() => []);
  const forwards = sides.map((_, i) => i);
  const backwards = forwards.toReversed();
  for (let round = 0; round < rounds; round++) {
    for (const i of round % 2 === 0 ? forwards : backwards) answers[i].push(await sides[i]());
  }
  return answers;
}
