// Runs the tests with the add-on and the C tools under AddressSanitizer and
// UndefinedBehaviorSanitizer, and looks for leaks at the end of every process.
//
//   node test/hardening/sanitize.mjs [ARGUMENT OF VITEST]...
//
// Left out are test/manager, test/bench and the demo, where programs are started with an environment
// that has no room for the run time that has to be loaded first.
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { buildAddon, CLANG, copyTree, mustRun, npm, root, run, runTime } from './build.mjs';

const build = join(root, 'build-cmake/sanitize');
const tree = join(build, 'tree');
const reports = join(build, 'reports');

const SANITIZERS = 'address,undefined';
const FLAGS = [`-fsanitize=${SANITIZERS}`, '-shared-libasan', '-fno-omit-frame-pointer', '-g'];

const common = [
  // Not on stderr, which tests compare; and whatever a test makes of a child that failed.
  `log_path=${reports}/report`,
  // An error ends the process; leaks do not, for every Node has some.
  'abort_on_error=1:halt_on_error=1:exitcode=0',
  // Enough to see who allocated. With their whole stacks V8's leaks would take most of the time.
  'malloc_context_size=8:symbolize=0',
].join(':');

const variables = {
  LD_PRELOAD: runTime('asan', 'so'),
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
 * Whether a leak was made by the add-on, by libsystemd, or by one of the tools: it is who called the
 * allocator that counts. Suppressions, which look at the whole of a stack, would not do: further out
 * V8 is in every stack of ours, and we are in those of what V8 allocates for itself meanwhile.
 */
function isOurs(leak, report) {
  const { module = '' } = framesOf(leak).find((frame) => !RUN_TIMES.test(frame.module)) ?? {};
  // A worker thread unloads the add-on at its end. Of Node's modules no other does.
  const unloaded = module === '<unknown module>' && report.includes(realpathSync(process.execPath));
  return module.startsWith(tree) || module.includes('/libsystemd.so') || unloaded;
}

/** The errors in a report, and those leaks that are ours. */
function findings(report) {
  // In a PID namespace of its own a process can't be looked into. That others can, the canary tells.
  if (/^==\d+==LeakSanitizer has encountered a fatal error/.test(report)) return [];
  // A thread had just ended that was to be looked into.
  if (/^(==\d+==Unable to get registers from thread \d+\.\s*)+$/.test(report)) return [];
  if (!report.includes('ERROR: LeakSanitizer: detected memory leaks')) return [report];
  const leaks = report.split('\n\n').filter((block) => /^\s*(Direct|Indirect) leak/.test(block));
  return leaks.filter((leak) => isOurs(leak, report));
}

/** With functions and lines where a frame is ours. */
function legible(finding) {
  const line = ({ module, offset }) => {
    const args = ['-Cfpe', module, offset];
    return `    ${spawnSync('addr2line', args, { encoding: 'utf8' }).stdout.trim()}`;
  };
  return framesOf(finding).reduce((text, frame) => {
    const better = frame.module.startsWith(tree) ? line(frame) : `    ${frame.module}`;
    return text.replace(frame.line, better);
  }, finding);
}

function allFindings() {
  const texts = readdirSync(reports).map((file) => readFileSync(join(reports, file), 'utf8'));
  return texts.flatMap(findings);
}

/** A run that finds nothing proves something only where all that is to be found would be. */
function tryCanary() {
  const canary = join(tree, 'build/canary.node');
  const source = join(tree, 'test/hardening/canary.c');
  mustRun(CLANG, [...FLAGS, '-shared', '-fPIC', source, '-o', canary]);
  const script = `process.dlopen({ exports: {} }, ${JSON.stringify(canary)})`;
  for (const CANARY of ['leak', 'overflow', 'undefined']) {
    emptyReports();
    run(process.execPath, ['-e', script], { env: { ...process.env, ...variables, CANARY } });
    const { length } = allFindings();
    if (length !== 1) throw new Error(`Of one mistake (${CANARY}) the sanitizers report ${length}`);
  }
}

/** A test that is too slow like this passes a second time; types are none of its business. */
function vitest(args) {
  const isOwn = args.some((arg) => arg.startsWith('--config'));
  const always = ['run', '--retry=2', ...(isOwn ? [] : ['--project=together'])];
  const { LIBSYSTEMD_CALLS = 1_000_000 } = process.env;
  const env = {
    ...{ ...process.env, ...variables, CC: `${CLANG} ${FLAGS.join(' ')}` },
    CI: '', // a test may be skipped that needs a PID namespace: npm test will not have skipped it
    LIBSYSTEMD_CALLS: String(Number(LIBSYSTEMD_CALLS) / 20),
  };
  return run(npm('vitest'), [...always, ...args], { cwd: tree, env });
}

const LEFT_OUT = ['manager', 'bench', 'docs', 'hardening', 'packaging', 'runtimes'];
const MOST = readdirSync(join(root, 'test'))
  .filter((folder) => !LEFT_OUT.includes(folder))
  .map((folder) => `test/${folder}/`)
  .concat('test/docs/commands', 'test/docs/readme');
const RANDOM_CALLS = ['--config=test/hardening/vitest.config.ts', 'random-calls'];

copyTree(tree, buildAddon(join(build, 'addon'), SANITIZERS));
tryCanary();
emptyReports();
const args = process.argv.slice(2);
const runs = args.length > 0 ? [args] : [MOST, RANDOM_CALLS];
const passed = runs.map(vitest).every((status) => status === 0);
const found = new Set(allFindings().map(legible));
for (const finding of found) console.error(finding);
console.log(`Sanitizers: ${found.size} errors and leaks`);
if (!passed || found.size > 0) process.exitCode = 1;
