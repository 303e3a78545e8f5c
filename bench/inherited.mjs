// The part inherited: how long the first call for the inherited sockets takes, with all that it loads. Each measurement
// starts a new process, because later calls return a cached list.
import { compare, medians, otherSides } from './comparison.mjs';
import { inInstallation } from './installation.mjs';
import { countExpressions, listenPidNotes } from './listen-pid.mjs';
import { otherPackages } from './packages.mjs';
import { buildCSide, runForJson } from './programs.mjs';

const ROUNDS = 20;

/** The numbers of sockets, and the numbers with which other packages are compared. */
const GROWTH = [1, 10, 100, 1000];
const BESIDE_OTHERS = [1, 1000];

/** The targets of the first `listenFds()` by the number of sockets. */
const TARGETS = { 1: { most: 2.5 }, 1000: { most: 8 } };

/**
 * The target of the import and the first `listenFds()`: this factor of the fastest package that looks at LISTEN_PID.
 * With 1,000 sockets it has none, because those packages inspect no descriptor.
 */
const TARGETS_OF_OTHERS = { 1: 0.9 };

/** A program that prints the milliseconds of the expression alone, and with the import. */
function sourceOf(name) {
  return `
const begun = performance.now();
const it = await import('${name}');
const imported = performance.now();
const count = ${countExpressions[name]};
const end = performance.now();
console.log(JSON.stringify({ count, ms: end - imported, withImport: end - begun }));
`;
}

/** Runs a program that has this many sockets. */
async function runWithSockets(sockets, ...command) {
  const answer = await runForJson(await buildCSide(), ['pass', sockets, ...command]);
  if (answer.count === sockets) return answer;
  throw new Error(`The program has counted ${answer.count} sockets, and ${sockets} were passed`);
}

async function measure(sockets, packages, programs, rounds) {
  const notes = await listenPidNotes();
  const sideOf = (program) => () => runWithSockets(sockets, process.execPath, program);
  const sides = {
    node: sideOf(programs.libsystemd),
    c: async () => runWithSockets(sockets, await buildCSide(), 'list'),
  };
  const others = BESIDE_OTHERS.includes(sockets)
    ? otherSides(packages, programs, sideOf, notes)
    : [];
  return await compare(sides, others, rounds);
}

const formatSockets = (count) => (count === 1 ? '1 socket' : `${count} sockets`);

function rowsOf(count, results) {
  const { node, c } = medians(results, ({ ms }) => ms);
  const { node: withImport, others } = medians(results, (answer) => answer.withImport);
  const isMost = count === GROWTH.at(-1);
  const first = {
    what: `first \`listenFds()\`, ${formatSockets(count)}`,
    inC: 'its system calls',
    unit: 'ms',
    node,
    c,
    target: TARGETS[count],
    brief: isMost ? ['c'] : [],
  };
  if (others.length === 0) return [first];
  const what = `\`import\` and first \`listenFds()\`, ${formatSockets(count)}`;
  return [
    first,
    { what, unit: 'ms', node: withImport, others, targetOfOthers: TARGETS_OF_OTHERS[count] },
  ];
}

/** The row for each further socket. */
function growthRow([least], [most]) {
  const perSocket = (side) => ((most[side] - least[side]) / (GROWTH.at(-1) - GROWTH[0])) * 1000;
  const what = 'first `listenFds()`, each further socket';
  return { what, inC: 'its system calls', unit: 'µs', node: perSocket('node'), c: perSocket('c') };
}

export async function inherited(most) {
  const { folder, packages } = await otherPackages();
  return await inInstallation(folder, async (programOf) => {
    const programs = {};
    for (const name of Object.keys(countExpressions))
      programs[name] = await programOf(sourceOf(name));
    const rows = [];
    for (const count of GROWTH) {
      const results = await measure(count, packages, programs, Math.min(ROUNDS, most));
      rows.push(rowsOf(count, results));
    }
    return [...rows.flat(), growthRow(rows[0], rows.at(-1))];
  });
}
