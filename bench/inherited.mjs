// Sockets from the service manager: what the first look at them takes, with all that it loads. That is
// a new process each time, because only the first look has to look.
import { compare, medians, otherSides } from './comparison.mjs';
import { inInstallation } from './installation.mjs';
import { otherPackages } from './packages.mjs';
import { answerOf, cSide } from './programs.mjs';

const ROUNDS = 20;

/** How many sockets. */
const GROWTH = [1, 10, 100, 1000];
const BESIDE_OTHERS = [1, 1000];

/** The first look by each package, as an expression that counts what it found. */
const looks = {
  libsystemd: 'it.listenFds().length',
  'sd-daemon': 'it.listeners().length',
  'socket-activation':
    "process.env.LISTEN_FDNAMES.split(':').flatMap((name) => it.default.collect(name)).length",
  'systemd-daemon':
    'Array.from({ length: it.default.listen_fds() }, (_, i) => it.default.socket(i)).length',
  'systemd-socket':
    'Array.from({ length: Number(process.env.LISTEN_FDS) }, () => it.default()).length',
};

/** Milliseconds of the look alone, and with the import. */
function sourceOf(name) {
  return `
const begun = performance.now();
const it = await import('${name}');
const imported = performance.now();
const count = ${looks[name]};
const end = performance.now();
console.log(JSON.stringify({ count, ms: end - imported, withImport: end - begun }));
`;
}

async function looked(sockets, ...command) {
  const answer = await answerOf(await cSide(), ['pass', sockets, ...command]);
  if (answer.count === sockets) return answer;
  throw new Error(`${sockets} sockets were passed, and ${answer.count} came`);
}

async function measure(sockets, packages, programs, rounds) {
  const sideOf = (program) => () => looked(sockets, process.execPath, program);
  const sides = {
    node: sideOf(programs.libsystemd),
    c: async () => looked(sockets, await cSide(), 'list'),
  };
  const others = BESIDE_OTHERS.includes(sockets) ? otherSides(packages, programs, sideOf) : [];
  return await compare(sides, others, rounds);
}

const sockets = (count) => (count === 1 ? '1 socket' : `${count} sockets`);

function rowsOf(count, results) {
  const { node, c } = medians(results, ({ ms }) => ms);
  const { node: withImport, others } = medians(results, (answer) => answer.withImport);
  const isMost = count === GROWTH.at(-1);
  const first = {
    what: `first \`listenFds()\`, ${sockets(count)}`,
    inC: 'its system calls',
    unit: 'ms',
    node,
    c,
    target: isMost ? { most: 10 } : undefined,
    brief: isMost ? ['c'] : [],
  };
  if (others.length === 0) return [first];
  const what = `\`import\` and first \`listenFds()\`, ${sockets(count)}`;
  return [first, { what, unit: 'ms', node: withImport, others }];
}

/** What one more socket takes. */
function growth([least], [most]) {
  const perSocket = (side) => ((most[side] - least[side]) / (GROWTH.at(-1) - GROWTH[0])) * 1000;
  const what = 'first `listenFds()`, each further socket';
  return { what, inC: 'its system calls', unit: 'µs', node: perSocket('node'), c: perSocket('c') };
}

export async function inherited(most) {
  const { folder, packages } = await otherPackages();
  return await inInstallation(folder, async (programOf) => {
    const programs = {};
    for (const name of Object.keys(looks)) programs[name] = await programOf(sourceOf(name));
    const rows = [];
    for (const count of GROWTH) {
      const results = await measure(count, packages, programs, Math.min(ROUNDS, most));
      rows.push(rowsOf(count, results));
    }
    return [...rows.flat(), growth(rows[0], rows.at(-1))];
  });
}
