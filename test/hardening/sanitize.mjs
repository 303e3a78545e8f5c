// Runs the tests with the add-on and the C tools built with AddressSanitizer and UndefinedBehaviorSanitizer, and searches
// for leaks at the end of every process.
//
//   node test/hardening/sanitize.mjs [--random-calls] [ARGUMENT OF VITEST]...
//
// With --random-calls, and without arguments, random calls follow.
// test/manager, test/bench and the demo are left out, because they start programs without LD_PRELOAD, which the
// sanitizers need.
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import {
  buildAddons,
  CLANG,
  copyTree,
  findRunTime,
  mustRun,
  npmProgram,
  root,
  run,
} from './build.mjs';

const build = join(root, 'build-cmake/sanitize');
const tree = join(build, 'tree');
const reports = join(build, 'reports');

const SANITIZERS = 'address,undefined';
const FLAGS = [`-fsanitize=${SANITIZERS}`, '-shared-libasan', '-fno-omit-frame-pointer', '-g'];

const common = [
  // To files, because tests compare stderr, or ignore it.
  `log_path=${reports}/report`,
  // An error ends the process. Leaks do not, because every Node has some.
  'abort_on_error=1:halt_on_error=1:exitcode=0',
  // 8 frames show the caller of the allocator. Whole stacks of V8's leaks would take most of the time.
  'malloc_context_size=8:symbolize=0',
].join(':');

const variables = {
  LD_PRELOAD: findRunTime('asan', 'so'),
  ASAN_OPTIONS: `${common}:detect_stack_use_after_return=1`,
  UBSAN_OPTIONS: `${common}:print_stacktrace=1`,
};

function emptyReports() {
  rmSync(reports, { recursive: true, force: true });
  mkdirSync(reports);
  chmodSync(reports, 0o1777); // some tests run a program as nobody
}

const RUN_TIMES = /\/(libclang_rt\.asan-\w+|libc|libstdc\+\+|ld-linux[\w-]*)\.so/;

function framesOf(text) {
  const frames = text.matchAll(/^ *#\d+ 0x[0-9a-f]+ +\((.*?)(?:\+(0x[0-9a-f]+))?\).*$/gm);
  return Array.from(frames, ([line, module, offset]) => ({ line, module, offset }));
}

/**
 * True if the add-on, libsystemd or one of the tools has made a leak, which is when it has called the allocator.
 * Suppressions would not do, because they compare the whole stack: V8 is in every stack of the add-on, and the add-on is in
 * stacks of V8's own allocations.
 */
function isOurs(leak, report) {
  const { module = '' } = framesOf(leak).find((frame) => !RUN_TIMES.test(frame.module)) ?? {};
  // A worker thread unloads the add-on at its end. No module of Node is unloaded.
  const unloaded = module === '<unknown module>' && report.includes(realpathSync(process.execPath));
  return module.startsWith(tree) || module.includes('/libsystemd.so') || unloaded;
}

/** Lists the errors in a report, and our leaks. */
function parseReport(report) {
  // In a new PID namespace the search for leaks fails. tryCanary() proves that it works elsewhere.
  if (/^==\d+==LeakSanitizer has encountered a fatal error/.test(report)) return [];
  // A thread has ended just before LeakSanitizer wanted to read it.
  if (/^(==\d+==Unable to get registers from thread \d+\.\s*)+$/.test(report)) return [];
  if (!report.includes('ERROR: LeakSanitizer: detected memory leaks')) return [report];
  const leaks = report.split('\n\n').filter((block) => /^\s*(Direct|Indirect) leak/.test(block));
  return leaks.filter((leak) => isOurs(leak, report));
}

/** Adds functions and lines to our frames. */
function symbolize(finding) {
  const line = ({ module, offset }) => {
    const args = ['-Cfpe', module, offset];
    return `    ${spawnSync('addr2line', args, { encoding: 'utf8' }).stdout.trim()}`;
  };
  return framesOf(finding).reduce((text, frame) => {
    const better = frame.module.startsWith(tree) ? line(frame) : `    ${frame.module}`;
    return text.replace(frame.line, better);
  }, finding);
}

function readFindings() {
  const texts = readdirSync(reports).map((file) => readFileSync(join(reports, file), 'utf8'));
  return texts.flatMap(parseReport);
}

/** Checks that the sanitizers find each mistake of canary.c, because otherwise a run without findings proves nothing. */
function tryCanary() {
  const canary = join(tree, 'build/canary.node');
  const source = join(tree, 'test/hardening/canary.c');
  mustRun(CLANG, [...FLAGS, '-shared', '-fPIC', source, '-o', canary]);
  const script = `process.dlopen({ exports: {} }, ${JSON.stringify(canary)})`;
  for (const CANARY of ['leak', 'overflow', 'undefined']) {
    emptyReports();
    run(process.execPath, ['-e', script], { env: { ...process.env, ...variables, CANARY } });
    const { length } = readFindings();
    if (length !== 1)
      throw new Error(`The sanitizers report ${length} mistakes, and canary.c has one (${CANARY})`);
  }
}

/** Runs vitest with retries, because some tests are too slow with sanitizers, and without type tests. */
function runVitest(args) {
  const isOwn = args.some((arg) => arg.startsWith('--config'));
  const always = ['run', '--retry=2', ...(isOwn ? [] : ['--project=together'])];
  const { LIBSYSTEMD_CALLS = 1_000_000 } = process.env;
  const env = {
    ...{ ...process.env, ...variables, CC: `${CLANG} ${FLAGS.join(' ')}` },
    CI: '', // so that a test that needs a PID namespace may be skipped; npm test does not skip it
    LIBSYSTEMD_CALLS: String(Number(LIBSYSTEMD_CALLS) / 20),
  };
  return run(npmProgram('vitest'), [...always, ...args], { cwd: tree, env });
}

const LEFT_OUT = ['manager', 'bench', 'docs', 'hardening', 'packaging', 'programs', 'runtimes'];
const MOST = readdirSync(join(root, 'test'))
  .filter((folder) => !LEFT_OUT.includes(folder))
  .map((folder) => `test/${folder}/`)
  .concat('test/docs/commands', 'test/docs/readme');
const RANDOM_CALLS = ['--config=test/hardening/vitest.config.ts', 'random-calls'];

copyTree(tree, buildAddons(join(build, 'addon'), SANITIZERS));
tryCanary();
emptyReports();
const args = process.argv.slice(2);
const chosen = args.filter((arg) => arg !== '--random-calls');
const runs = [chosen.length > 0 ? chosen : MOST];
if (args.length === 0 || args.includes('--random-calls')) runs.push(RANDOM_CALLS);
const passed = runs.map(runVitest).every((status) => status === 0);
const found = new Set(readFindings().map(symbolize));
for (const finding of found) console.error(finding);
console.log(`Sanitizers: ${found.size} errors and leaks`);
if (!passed || found.size > 0) process.exitCode = 1;
