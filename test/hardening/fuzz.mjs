// libFuzzer on all that C++ decodes: arguments and addresses by calls of the functions in Node itself,
// the kernel's answers by a program of their own.
//
//   node test/hardening/fuzz.mjs [calls|sock-diag] [ARGUMENT OF LIBFUZZER]...
//
// Each takes 30 seconds (-max_total_time=30). The input that made one fail is kept in
// build-cmake/fuzz, and libFuzzer's last lines say where: as an argument it is run again, alone.
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildTool } from '../../scripts/build-tools.mjs';
import { buildAddon, CLANG, CLANGXX, copyTree, mustRun, root, runTime } from './build.mjs';

const build = join(root, 'build-cmake/fuzz');
const sources = join(root, 'test/hardening/fuzz');

const SANITIZERS = 'address,undefined';
const FLAGS = ['-g', '-O1', '-Wall', '-Wextra', '-Werror'];

/** Inputs that led to something new are kept, and are where the next run begins. */
function corpusOf(target) {
  const folder = join(build, 'corpus', target);
  mkdirSync(folder, { recursive: true });
  return folder;
}

/** For libFuzzer: the last of two equal options counts, and one file is run in place of folders. */
function argumentsFor(corpora, args) {
  const isFile = args.some((arg) => !arg.startsWith('-'));
  const usual = ['-max_total_time=30', '-timeout=20', `-artifact_prefix=${build}/`];
  return [...usual, ...args, ...(isFile ? [] : corpora)];
}

function fuzzSockDiag(args) {
  const program = join(build, 'sock-diag');
  const sanitize = [`-fsanitize=fuzzer,${SANITIZERS}`, '-fno-sanitize-recover=all'];
  const source = join(sources, 'sock-diag.cc');
  mustRun(CLANGXX, ['-std=c++17', ...FLAGS, ...sanitize, source, '-o', program]);
  const corpora = [corpusOf('sock-diag'), join(root, 'test/hardening/corpus/sock-diag')];
  // The add-on receives at most so much.
  mustRun(program, ['-max_len=1024', ...argumentsFor(corpora, args)]);
}

/** libFuzzer, and the function that hands it to JavaScript. */
function buildDriver() {
  const object = join(build, 'driver.o');
  const driver = join(build, 'driver.node');
  const headers = ['-I', join(root, 'node_modules/node-api-headers/include')];
  mustRun(CLANG, ['-c', '-fPIC', ...FLAGS, ...headers, join(sources, 'driver.c'), '-o', object]);
  const libFuzzer = [
    '-Wl,--whole-archive',
    runTime('fuzzer_no_main', 'a'),
    '-Wl,--no-whole-archive',
  ];
  mustRun(CLANGXX, ['-shared', object, ...libFuzzer, '-o', driver]);
  return driver;
}

/** The first inputs: a function's number, and after their end zeros, which choose good arguments. */
function writeSeeds(folder, count) {
  for (let i = 0; i < count; i++) writeFileSync(join(folder, `seed-${i}`), Uint8Array.of(i));
}

/** Descriptors for the calls to do with what they like. */
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
  // libFuzzer first: the sanitizer's run time has functions of the same names that do nothing.
  `LD_PRELOAD=${driver} ${runTime('asan', 'so')}`,
  // sanitize.mjs is for leaks; here V8 would be asked about its own after each run.
  'ASAN_OPTIONS=verify_asan_link_order=0:detect_leaks=0:detect_stack_use_after_return=1',
  'UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1',
];

/** The program that calls them, in a copy of the package whose add-on tells libFuzzer what it covers. */
function callingProgram(driver, signatures) {
  const tree = join(build, 'tree');
  copyTree(tree, buildAddon(join(build, 'addon'), `${SANITIZERS},fuzzer-no-link`));
  const options = JSON.stringify({ fds: SPECS.map((_spec, i) => 3 + i), signatures });
  const node = [process.execPath, join(tree, 'test/hardening/fuzz/calls.mjs'), driver, options];
  return ['env', ...variables(driver), ...node];
}

async function fuzzCalls(args) {
  const launch = await buildTool('test/tools/launch.c');
  const signatures = readSignatures();
  const corpus = corpusOf('calls');
  writeSeeds(corpus, Object.keys(signatures.native).length);
  mustRun(launch, [
    ...['--pid', 'none', '--fds', 'none', ...SPECS, '--'],
    ...callingProgram(buildDriver(), signatures),
    // To name functions it would start a program, whose pipes are none of the calls' to close.
    ...['-max_len=512', '-rss_limit_mb=4096', '-detect_leaks=0', '-print_funcs=0'],
    ...argumentsFor([corpus], args),
  ]);
}

const TARGETS = { 'sock-diag': fuzzSockDiag, calls: fuzzCalls };

const [target, ...args] = process.argv.slice(2);
mkdirSync(build, { recursive: true });
if (target in TARGETS) await TARGETS[target](args);
else for (const fuzz of Object.values(TARGETS)) await fuzz(process.argv.slice(2));
