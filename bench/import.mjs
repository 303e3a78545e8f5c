// The part import: what `import` or `require()` of a package, or a preload by an option of Node, costs a program that
// systemd has not started. Whole processes are compared that differ only in this line, or in this option.
import { dirname, join } from 'node:path';
import { compare, medians, otherSides } from './comparison.mjs';
import { inInstallation } from './installation.mjs';
import { isForJournal, otherPackages } from './packages.mjs';
import { runForJson } from './programs.mjs';
import { median } from './rounds.mjs';

const ROUNDS = 40;
const REPORT = join(import.meta.dirname, 'import-report.cjs');

/** @param preload - further options of Node, such as `--import` and a package */
async function measureProgram(program, preload = []) {
  const args = ['--require', REPORT, ...preload, program];
  const folder = dirname(program); // Node looks from there for a package that it preloads
  const { ms, rss, heapUsed, loaded } = await runForJson(process.execPath, args, {}, folder);
  return { ms, rss: rss / 1e6, heap: heapUsed / 1e6, loaded };
}

/** Measures this package, whose import must load neither the add-on nor libsystemd. */
async function measureThis(program, preload) {
  const answer = await measureProgram(program, preload);
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
    commonjs: await programOf("require('libsystemd');\n", 'cjs'),
    emptyCommonjs: await programOf("require('empty');\n", 'cjs'),
  };
  const sides = {
    node: () => measureThis(programs.node),
    nothing: () => measureProgram(programs.nothing),
    empty: () => measureProgram(programs.empty),
    commonjs: () => measureThis(programs.commonjs),
    emptyCommonjs: () => measureProgram(programs.emptyCommonjs),
    preload: () => measureThis(programs.nothing, ['--import', 'libsystemd/auto']),
    emptyPreload: () => measureProgram(programs.nothing, ['--import', 'empty']),
    required: () => measureThis(programs.nothing, ['-r', 'libsystemd/auto']),
    emptyRequired: () => measureProgram(programs.nothing, ['-r', 'empty']),
  };
  const programsOfOthers = {};
  for (const { name } of packages) programsOfOthers[name] = await programOf(`import '${name}';\n`);
  const others = otherSides(packages, programsOfOthers, (program) => () => measureProgram(program));
  return await compare(sides, others, rounds);
}

/** The row of one figure: the median of `side` less the median of `base`. The other packages are less `base`, too. */
function rowOf(results, what, figure, { side = 'node', base, withOthers = false, ...more }) {
  const baseline = median(results.ours[base].map((answer) => answer[figure]));
  const { [side]: node, others } = medians(results, (answer) => answer[figure] - baseline);
  const unit = figure === 'ms' ? 'ms' : 'MB';
  return { what, unit, node, others: withOthers ? others : [], ...more };
}

export async function importing(most) {
  const { folder, packages } = await otherPackages();
  const compared = packages.filter((one) => !isForJournal(one));
  const results = await inInstallation(folder, (programOf) =>
    measure(compared, programOf, Math.min(ROUNDS, most)),
  );
  return [
    rowOf(results, '`import`, time over an empty program', 'ms', {
      base: 'nothing',
      withOthers: true,
      brief: ['sd-notify'],
    }),
    rowOf(results, '`import`, time over importing an empty package', 'ms', {
      base: 'empty',
      target: { most: 0.8 },
    }),
    rowOf(results, '`require()`, time over requiring an empty package', 'ms', {
      side: 'commonjs',
      base: 'emptyCommonjs',
    }),
    rowOf(results, '`--import libsystemd/auto`, time over preloading an empty package', 'ms', {
      side: 'preload',
      base: 'emptyPreload',
      target: { most: 3 },
    }),
    rowOf(results, '`-r libsystemd/auto`, time over preloading an empty package', 'ms', {
      side: 'required',
      base: 'emptyRequired',
      target: { most: 3 },
    }),
    rowOf(results, '`import`, resident memory over an empty program', 'rss', {
      base: 'nothing',
      withOthers: true,
      target: { most: 0.35 },
    }),
    rowOf(results, '`import`, resident memory over importing an empty package', 'rss', {
      base: 'empty',
    }),
    rowOf(results, '`import`, heap over an empty program', 'heap', {
      base: 'nothing',
      target: { most: 0.5 },
    }),
  ];
}
