// Rounds: each side is measured in turn, many times and shortly, because the machine does other things too. The medians
// count.

export function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/**
 * Calls each side once in each round, and returns a list of answers for each side. Every other round goes backwards, so
 * that no side always runs after the same one.
 */
export async function measureInTurn(sides, rounds) {
  const answers = sides.map(() => []);
  const forwards = sides.map((_, i) => i);
  const backwards = forwards.toReversed();
  for (let round = 0; round < rounds; round++) {
    for (const i of round % 2 === 0 ? forwards : backwards) answers[i].push(await sides[i]());
  }
  return answers;
}
