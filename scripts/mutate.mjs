// Mutation testing: changes one expression of lib/ at a time, and runs the tests that should notice: see `usage`. A
// mutant that no test notices is printed with its line: either a test is missing, or the change makes no difference
// that anybody could see.
//
// Not by Stryker: it switches mutants by an environment variable of the process that runs the tests. Here most tests
// start child processes with an environment of their own, which import dist/. So each mutant is built, in a copy of
// the repository, and the checkout stays as it is.
import { spawn } from 'node:child_process';
import {
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { readCommandLine, refuseWith } from './command-line.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));

/**
 * What paths of lib/ begin with, the nearest first, and what paths of the tests begin with that should notice a
 * change there.
 */
const AREAS = [
  ['lib/service/workers', ['test/service/workers']],
  ['lib/service', ['test/service/']],
  ['lib/traffic', ['test/service/drain', 'test/service/idle']],
  ['lib/activation/cluster', ['test/activation/cluster', 'test/activation/other-processes']],
  ['lib/activation', ['test/activation/']],
  ['lib/environment', ['test/environment']],
  ['lib/journal', ['test/journal/']],
  ['lib/pressure', ['test/pressure']],
  ['lib/notification/watchdog', ['test/notification/watchdog', 'test/service/workers']],
];

/** How much longer than without a change tests may take, before the mutant counts as one that hangs. */
const PATIENCE = 4;
const LEAST_PATIENCE_MS = 60_000;

const usage = `Usage: npm run test:mutation -- [--sample=NUMBER] [--seed=NUMBER] [--jobs=NUMBER] [--list] [PATH]...

  PATH    what the paths of the files begin with; default: all of the areas below
  sample  how many mutants, chosen by the seed; default: all
  seed    another number is another choice; default 1
  jobs    how many mutants at the same time; default 1
  list    print the mutants, and test none

Areas: ${AREAS.map(([path]) => path).join(' ')}`;

const refuse = refuseWith(usage);

const { values, positionals } = readCommandLine(usage, {
  allowPositionals: true,
  options: {
    sample: { type: 'string', default: 'Infinity' },
    seed: { type: 'string', default: '1' },
    jobs: { type: 'string', default: '1' },
    list: { type: 'boolean', default: false },
  },
});
for (const name of ['sample', 'seed', 'jobs']) {
  if (!(Number(values[name]) > 0)) refuse(`--${name}=${values[name]} is no number above 0`);
}

const areaOf = (file) => AREAS.find(([path]) => file.startsWith(path));

const testsOf = (file) => areaOf(file)[1];

function sources() {
  const paths = positionals.length > 0 ? positionals : AREAS.map(([path]) => path);
  return readdirSync(join(root, 'lib'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => `lib/${file}`)
    .filter((file) => areaOf(file) && paths.some((path) => file.startsWith(path)))
    .sort();
}

const SWAPPED = {
  ...{ '<': '<=', '<=': '<', '>': '>=', '>=': '>' },
  ...{ '===': '!==', '!==': '===', '&&': '||', '||': '&&' },
  ...{ '+': '-', '-': '+', '*': '/', '/': '*' },
};

const SWAPPED_METHODS = { some: 'every', every: 'some', min: 'max', max: 'min', on: 'once' };

const isText = (node) => ts.isStringLiteralLike(node) || ts.isTemplateExpression(node);

/** What may be changed about one node: pairs of the node to replace, and the text that takes its place. */
function* changesOf(node, text) {
  const of = (one) => text.slice(one.getStart(), one.end);
  if (ts.isIfStatement(node)) {
    yield [node.expression, 'true'];
    yield [node.expression, 'false'];
  } else if (ts.isConditionalExpression(node)) {
    yield [node.condition, 'true'];
    yield [node.condition, 'false'];
  } else if (ts.isBinaryExpression(node)) {
    const { left, operatorToken, right } = node;
    const swapped = SWAPPED[of(operatorToken)];
    if (swapped !== undefined && !isText(left) && !isText(right)) yield [operatorToken, swapped];
    if (of(operatorToken) === '??') yield [node, of(left)];
  } else if (ts.isPrefixUnaryExpression(node) && of(node).startsWith('!')) {
    yield [node, `(${of(node.operand)})`];
  } else if (ts.isExpressionStatement(node) && !ts.isStringLiteral(node.expression)) {
    yield [node, ';'];
  } else if (node.kind === ts.SyntaxKind.TrueKeyword) {
    yield [node, 'false'];
  } else if (node.kind === ts.SyntaxKind.FalseKeyword) {
    yield [node, 'true'];
  } else if (ts.isNumericLiteral(node) && Number(of(node).replaceAll('_', '')) > 1) {
    yield [node, `(3 * ${of(node)})`];
  } else if (
    ts.isPropertyAccessExpression(node) &&
    Object.hasOwn(SWAPPED_METHODS, node.name.text)
  ) {
    yield [node.name, SWAPPED_METHODS[node.name.text]];
  }
}

function mutantsOf(file) {
  const text = readFileSync(join(root, file), 'utf8');
  const parsed = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  const found = [];
  const visit = (node) => {
    if (ts.isTypeNode(node) || ts.isInterfaceDeclaration(node) || ts.isImportDeclaration(node))
      return;
    for (const [replaced, by] of changesOf(node, text)) {
      const [start, end] = [replaced.getStart(), replaced.end];
      const { line } = parsed.getLineAndCharacterOfPosition(start);
      const before = text.slice(start, end);
      found.push({
        file,
        line: line + 1,
        before,
        by,
        text: text.slice(0, start) + by + text.slice(end),
      });
    }
    ts.forEachChild(node, visit);
  };
  visit(parsed);
  return found;
}

/** The same numbers for the same seed (mulberry32). */
function randomOf(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function sampleOf(all, count, seed) {
  const random = randomOf(seed);
  return all
    .map((mutant) => [random(), mutant])
    .sort(([one], [other]) => one - other)
    .map(([, mutant]) => mutant)
    .slice(0, count);
}

/** Runs a command in the copy, in a process group that is killed whole when it takes too long. */
async function run(cwd, milliseconds, command, ...args) {
  const child = spawn(command, args, { cwd, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (output += data));
  let isLate = false;
  const late = setTimeout(() => {
    isLate = true;
    process.kill(-child.pid, 'SIGKILL');
  }, milliseconds);
  const code = await new Promise((resolve) => child.once('close', resolve));
  clearTimeout(late);
  return { code, output, isLate };
}

/** A copy of the repository in which one mutant at a time is built and tested. */
class Copy {
  #folder = mkdtempSync(join(tmpdir(), 'libsystemd-mutants-'));
  /** By source: the tests that noticed the last mutant there. */
  #noticed = new Map();

  constructor() {
    const left = new Set(
      ['node_modules', '.git', 'dist', 'prebuilds'].map((name) => join(root, name)),
    );
    cpSync(root, this.#folder, {
      recursive: true,
      filter: (path) => !left.has(path.replace(/\/$/, '')),
    });
    symlinkSync(join(root, 'node_modules'), join(this.#folder, 'node_modules'));
  }

  #build() {
    return run(this.#folder, 60_000, 'npx', 'rolldown', '-c', '--logLevel', 'warn');
  }

  async #fails(tests, milliseconds) {
    const options = [
      '--project=together',
      '--bail=1',
      '--retry=1',
      '--maxWorkers=4',
      '--reporter=json',
    ];
    const args = ['vitest', 'run', ...tests, ...options, '--outputFile=mutant.json'];
    const { code, output, isLate } = await run(this.#folder, milliseconds, 'npx', ...args);
    if (isLate) return { tests, what: 'hangs' };
    if (code === 0) return undefined;
    const results = this.#results();
    const failed = results.filter(({ status }) => status === 'failed');
    const names = failed.flatMap(({ assertionResults }) =>
      assertionResults.filter(({ status }) => status === 'failed').map(({ fullName }) => fullName),
    );
    const files = failed.map(({ name }) => relative(this.#folder, name));
    return {
      tests: files.length > 0 ? files.slice(0, 1) : tests,
      what: names[0] ?? output.slice(-500),
    };
  }

  #results() {
    try {
      return JSON.parse(readFileSync(join(this.#folder, 'mutant.json'), 'utf8')).testResults;
    } catch {
      return [];
    }
  }

  /** Without a change all tests must pass. Returns how long they take, in milliseconds. */
  async baseline(tests) {
    await this.#build();
    const begun = performance.now();
    const failure = await this.#fails(tests, 1_200_000);
    if (failure) throw new Error(`Without a change ${failure.tests} fails: ${failure.what}`);
    return performance.now() - begun;
  }

  /** What noticed the mutant; undefined: nothing. */
  async test({ file, text }, tests, milliseconds) {
    const path = join(this.#folder, file);
    const original = readFileSync(path);
    writeFileSync(path, text);
    try {
      if ((await this.#build()).code !== 0) return { what: 'cannot be built' };
      const first = this.#noticed.get(file) ?? [];
      const failure =
        (first.length > 0 && (await this.#fails(first, milliseconds))) ||
        (await this.#fails(tests, milliseconds));
      if (failure) this.#noticed.set(file, failure.tests);
      return failure;
    } finally {
      writeFileSync(path, original);
    }
  }

  [Symbol.dispose]() {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function show({ file, line, before, by }) {
  const short = (code) => code.replace(/\s+/g, ' ').slice(0, 90);
  return `${file}:${line}: ${short(before)}  →  ${short(by)}`;
}

const mutants = sampleOf(sources().flatMap(mutantsOf), Number(values.sample), Number(values.seed));
if (mutants.length === 0) refuse(`Nothing to change in ${positionals.join(' ')}`);
if (values.list) {
  for (const mutant of mutants) console.log(show(mutant));
  console.log(`${mutants.length} mutants`);
  process.exit();
}

const copies = Array.from({ length: Number(values.jobs) }, () => new Copy());
process.on('exit', () => {
  for (const copy of copies) copy[Symbol.dispose]();
});
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));

const durations = new Map();
for (const tests of new Set(mutants.map(({ file }) => testsOf(file).join(' ')))) {
  durations.set(tests, await copies[0].baseline(tests.split(' ')));
  console.log(`${Math.round(durations.get(tests) / 1000)} s without a change: ${tests}`);
}

const survivors = [];
const rest = [...mutants.entries()];
async function work(copy) {
  for (let next = rest.shift(); next; next = rest.shift()) {
    const [i, mutant] = next;
    const tests = testsOf(mutant.file);
    const patience = Math.max(LEAST_PATIENCE_MS, PATIENCE * durations.get(tests.join(' ')));
    const failure = await copy.test(mutant, tests, patience);
    if (!failure) survivors.push(mutant);
    const outcome = failure ? `killed: ${failure.what.split('\n')[0]}` : 'SURVIVED';
    console.log(`${i + 1}/${mutants.length} ${show(mutant)}  ${outcome}`);
  }
}
await Promise.all([...copies.slice(0, 1).map(work), ...copies.slice(1).map(work)]);

console.log(`\n${mutants.length - survivors.length} killed, ${survivors.length} survived`);
for (const mutant of survivors) console.log(show(mutant));
if (survivors.length > 0) process.exitCode = 1;
