// Runs libFuzzer on everything that the C++ code decodes.
//
//   node test/hardening/fuzz.mjs [calls|sock-diag|control|builtin] [ARGUMENT OF LIBFUZZER]...
//
//   calls      arguments and addresses, by calls of the add-on's functions in Node
//   sock-diag  answers of the kernel, by a C++ program
//   control    control messages of datagrams, by a C++ program
//   builtin    environments and arguments of the built-in functions, which are compared with libsystemd, by a C++ program
//
// Without a name all of them run, as many at once as there are processors, and the output of each comes at its end.
// Each takes 30 seconds (-max_total_time=30), and uses one processor. libFuzzer's last lines name the file of an input that
// has failed, in build-cmake/fuzz. With that file as argument, only this input is run.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { buildTool } from '../../scripts/build-tools.mjs';
import { buildAddons, CLANG, CLANGXX, copyTree, findRunTime, mustRun, root } from './build.mjs';

const build = join(root, 'build-cmake/fuzz');
const sources = join(root, 'test/hardening/fuzz');

const SANITIZERS = 'address,undefined';
const FLAGS = ['-g', '-O1', '-Wall', '-Wextra', '-Werror'];

/** Makes the folder in which libFuzzer keeps inputs that reach new code, with which the next run begins. */
function makeCorpus(target) {
  const folder = join(build, 'corpus', target);
  mkdirSync(folder, { recursive: true });
  return folder;
}

/** The arguments of libFuzzer. Of two equal options the last one counts. If a file is given, no corpus is passed. */
function argumentsFor(corpora, args) {
  const isFile = args.some((arg) => !arg.startsWith('-'));
  const defaults = ['-max_total_time=30', '-timeout=20', `-artifact_prefix=${build}/`];
  return [...defaults, ...args, ...(isFile ? [] : corpora)];
}

/** Fuzzes a function that reads bytes, by the program of fuzz/NAME.cc. */
function fuzzReader(name, mostBytes, corpora, args) {
  const program = join(build, name);
  const sanitize = [`-fsanitize=fuzzer,${SANITIZERS}`, '-fno-sanitize-recover=all'];
  const source = join(sources, `${name}.cc`);
  mustRun(CLANGXX, ['-std=c++17', ...FLAGS, ...sanitize, source, '-o', program]);
  const all = [makeCorpus(name), ...corpora];
  mustRun(program, [`-max_len=${mostBytes}`, ...argumentsFor(all, args)]);
}

function fuzzSockDiag(args) {
  // The add-on's buffer has 1024 bytes.
  fuzzReader('sock-diag', 1024, [join(root, 'test/hardening/corpus/sock-diag')], args);
}

function fuzzControl(args) {
  fuzzReader('control', 2048, [], args);
}

function fuzzBuiltin(args) {
  const program = join(build, 'builtin');
  const sanitize = [`-fsanitize=fuzzer,${SANITIZERS}`, '-fno-sanitize-recover=all'];
  const builtin = ['environment', 'process', 'descriptor', 'notify'].map((name) =>
    join(root, `native/builtin-${name}.cc`),
  );
  const files = [join(sources, 'builtin.cc'), ...builtin];
  // The program's own socket(2) and the like are for libsystemd too (-rdynamic).
  const options = ['-std=c++17', ...FLAGS, ...sanitize, '-rdynamic', ...files, '-ldl'];
  mustRun(CLANGXX, [...options, '-o', program]);
  mustRun(program, ['-max_len=300', ...argumentsFor([makeCorpus('builtin')], args)]);
}

/** Builds driver.c, which makes libFuzzer callable from JavaScript. Returns its path. */
function buildDriver() {
  const object = join(build, 'driver.o');
  const driver = join(build, 'driver.node');
  const headers = ['-I', join(root, 'node_modules/node-api-headers/include')];
  mustRun(CLANG, ['-c', '-fPIC', ...FLAGS, ...headers, join(sources, 'driver.c'), '-o', object]);
  const libFuzzer = [
    '-Wl,--whole-archive',
    findRunTime('fuzzer_no_main', 'a'),
    '-Wl,--no-whole-archive',
  ];
  mustRun(CLANGXX, ['-shared', object, ...libFuzzer, '-o', driver]);
  return driver;
}

/** Writes the first inputs: one for each function, with its number. All further bytes count as 0, which chooses valid
 * arguments. */
function writeSeeds(folder, count) {
  for (let i = 0; i < count; i++) writeFileSync(join(folder, `seed-${i}`), Uint8Array.of(i));
}

/** Descriptors that the calls may use, change and close. */
const SPECS = [
  ...['tcp:127.0.0.1:0', 'udp:127.0.0.1:0', 'tcp-connected', 'unix-unnamed'],
  ...['unix:@libsystemd-fuzz\\x00\\xff', 'socketpair', 'netlink:15', 'pipe', 'dev:/dev/null'],
  ...['memfd:memory', 'eventfd', 'pidfd'],
];

function readSignatures() {
  const program = join(root, 'test/hardening/calls/signatures.mjs');
  return JSON.parse(execFileSync(process.execPath, [program], { encoding: 'utf8' }));
}

const variables = (driver) => [
  // libFuzzer first, because the sanitizer's run time has empty functions with the same names.
  `LD_PRELOAD=${driver} ${findRunTime('asan', 'so')}`,
  // No search for leaks, which would find V8's after each run. sanitize.mjs searches for leaks.
  'ASAN_OPTIONS=verify_asan_link_order=0:detect_leaks=0:detect_stack_use_after_return=1',
  'UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1',
];

/** Builds a copy of the package whose add-on reports its coverage to libFuzzer. Returns the command of fuzz/calls.mjs. */
function buildCallingProgram(driver, signatures) {
  const tree = join(build, 'tree');
  copyTree(tree, buildAddons(join(build, 'addon'), `${SANITIZERS},fuzzer-no-link`));
  const options = JSON.stringify({ fds: SPECS.map((_spec, i) => 3 + i), signatures });
  const node = [process.execPath, join(tree, 'test/hardening/fuzz/calls.mjs'), driver, options];
  return ['env', ...variables(driver), ...node];
}

async function fuzzCalls(args) {
  const launch = await buildTool('test/tools/launch.c');
  const signatures = readSignatures();
  const corpus = makeCorpus('calls');
  const { native, sockets } = signatures;
  writeSeeds(corpus, Object.keys({ ...native, ...sockets }).length);
  mustRun(launch, [
    ...['--pid', 'none', '--fds', 'none', ...SPECS, '--'],
    ...buildCallingProgram(buildDriver(), signatures),
    // No names of functions, for which libFuzzer would start a program, whose pipes the calls could close.
    ...['-max_len=512', '-rss_limit_mb=4096', '-detect_leaks=0', '-print_funcs=0'],
    ...argumentsFor([corpus], args),
  ]);
}

/** The targets: the one that takes longest to build is the first to start. */
const TARGETS = {
  calls: fuzzCalls,
  builtin: fuzzBuiltin,
  control: fuzzControl,
  'sock-diag': fuzzSockDiag,
};

/** Fuzzes one target in another process, and prints its output when it has ended. */
async function fuzzApart(target, args) {
  const command = ['-c', 'exec "$@" 2>&1', 'sh', process.execPath, import.meta.filename, target];
  const child = spawn('sh', [...command, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [output, [code, signal]] = await Promise.all([text(child.stdout), once(child, 'close')]);
  console.log(`${output}${target} has ended with ${signal ?? code}`);
  if (code !== 0) process.exitCode = 1;
}

async function fuzzAll(args) {
  const waiting = Object.keys(TARGETS);
  const fuzzNext = async () => {
    for (let target = waiting.shift(); target !== undefined; target = waiting.shift()) {
      await fuzzApart(target, args);
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, fuzzNext));
}

const [target, ...args] = process.argv.slice(2);
mkdirSync(build, { recursive: true });
if (target in TARGETS) await TARGETS[target](args);
else await fuzzAll(process.argv.slice(2));
