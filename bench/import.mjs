// What `import 'libsystemd'` costs a program that is not under systemd: whole processes, that differ
// in nothing but this line.
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { answerOf } from './programs.mjs';
import { inTurn, median } from './rounds.mjs';

const ROUNDS = 60;
const ROOT = resolve(import.meta.dirname, '..');
const REPORT = join(import.meta.dirname, 'import-report.cjs');

/** The package as it is installed, and beside it one that is empty. */
async function install(modules) {
  await mkdir(join(modules, 'libsystemd'), { recursive: true });
  for (const part of ['package.json', 'dist']) {
    await cp(join(ROOT, part), join(modules, 'libsystemd', part), { recursive: true });
  }
  await mkdir(join(modules, 'empty'));
  await writeFile(join(modules, 'empty', 'package.json'), '{ "exports": "./index.mjs" }');
  await writeFile(join(modules, 'empty', 'index.mjs'), '');
}

async function report(program) {
  const answer = await answerOf(process.execPath, ['--require', REPORT, program]);
  const { loaded } = answer;
  if (loaded.length > 0) throw new Error(`importing the package loaded ${loaded.join(' and ')}`);
  return answer;
}

async function measure(folder) {
  await install(join(folder, 'node_modules'));
  const sources = ["import 'libsystemd';\n", '', "import 'empty';\n"];
  const programs = sources.map((_, i) => join(folder, `program${i}.mjs`));
  await Promise.all(sources.map((source, i) => writeFile(programs[i], source)));
  const answers = await inTurn(
    programs.map((program) => () => report(program)),
    ROUNDS,
  );
  const [ours, nothing, empty] = answers.map((side) => ({
    ms: median(side.map(({ ms }) => ms)),
    rss: median(side.map(({ rss }) => rss)) / 1e6,
    heap: median(side.map(({ heapUsed }) => heapUsed)) / 1e6,
  }));
  const row = (what, figure, unit, over, most) => {
    const target = most && { most };
    return { what: `\`import\`, ${what}`, unit, node: ours[figure] - over[figure], target };
  };
  return [
    row('time over an empty program', 'ms', 'ms', nothing, 2.5),
    row('time over importing an empty package', 'ms', 'ms', empty),
    row('resident memory over an empty program', 'rss', 'MB', nothing, 0.5),
    row('heap over an empty program', 'heap', 'MB', nothing, 0.5),
  ];
}

export async function importing() {
  const folder = await mkdtemp(join(tmpdir(), 'libsystemd-bench-'));
  try {
    return await measure(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}
