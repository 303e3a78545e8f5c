// The part import: what `import` of a package costs a program that systemd has not started. Whole processes are
// compared that differ only in this line.
import { join } from 'node:path';
import { compare, medians, otherSides } from './comparison.mjs';
import { inInstallation } from './installation.mjs';
import { otherPackages } from './packages.mjs';
import { runForJson } from './programs.mjs';
import { median } from './rounds.mjs';

const ROUNDS = 40;
const REPORT = join(import.meta.dirname, 'import-report.cjs');

async function measureProgram(program) {
  const { ms, rss, heapUsed, loaded } = await runForJson(process.execPath, [
    '--require',
    REPORT,
    program,
  ]);
  return { ms, rss: rss / 1e6, heap: heapUsed / 1e6, loaded };
}

/** Measures this package, whose import must load neither the add-on nor libsystemd. */
async function measureThis(program) {
  const answer = await measureProgram(program);
  const { loaded } = answer;
  if (loaded.length > 0)
    throw new Error(
      `The import of the package has loaded ${loaded.join(' and ')}, and should load nothing`,
    );
  return answer;
}

async function measure(packages, programOf, rounds) {
  const programs = {
    node: await programOf("import 'libsystemd';\n"),
    nothing: await programOf(''),
    empty: await programOf("import 'empty';\n"),
  };
  const sides = {
    node: () => measureThis(programs.node),
    nothing: () => measureProgram(programs.nothing),
    empty: () => measureProgram(programs.empty),
  };
  const programsOfOthers = {};
  for (const { name } of packages) programsOfOthers[name] = await programOf(`import '${name}';\n`);
  const others = otherSides(packages, programsOfOthers, (program) => () => measureProgram(program));
  return await compare(sides, others, rounds);
}

export async function importing(most) {
  const { folder, packages } = await otherPackages();
  const results = await inInstallation(folder, (programOf) =>
    measure(packages, programOf, Math.min(ROUNDS, most)),
  );
  const row = (what, unit, figure, base, more) => {
    const baseline = median(results.ours[base].map((answer) => answer[figure]));
    const { node, others } = medians(results, (answer) => answer[figure] - baseline);
    return { what: `\`import\`, ${what}`, unit, node, others, ...more };
  };
  return [
    row('time over an empty program', 'ms', 'ms', 'nothing', {
      target: { most: 2.5 },
      brief: ['sd-notify'],
    }),
    row('time over importing an empty package', 'ms', 'ms', 'empty', { others: [] }),
    row('resident memory over an empty program', 'MB', 'rss', 'nothing', { target: { most: 0.5 } }),
    row('heap over an empty program', 'MB', 'heap', 'nothing', {
      target: { most: 0.5 },
      others: [],
    }),
  ];
}
