// The part compile-cache: the time from the start of a process until its server listens on the passed socket, without
// and with module.enableCompileCache() of Node 22 and newer. The call is the program's: this package never makes it.
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compare, medians } from './comparison.mjs';
import { inInstallation } from './installation.mjs';
import { nodeWithCompileCache } from './newer-node.mjs';
import { buildCSide, runForJson } from './programs.mjs';

const ROUNDS = 30;

/** The starts of each program that fill the cache. */
const WARM_UPS = 2;

/** Node writes the cache when the process ends in order. */
const REPORT = `
  console.log(performance.now()); // since the process was started
  process.exit();
`;

const SERVE = `serve(createServer()).then(() => {${REPORT}});`;
const BARE = `createServer().listen({ fd: 3 }, () => {${REPORT}});`;

const esm = {
  extension: 'mjs',
  systemd: "import { serve } from 'libsystemd';",
  enable: "import { enableCompileCache } from 'node:module';",
  load: (program) => `await import('${program}');`,
};

/**
 * The ways to write a program: how it loads node:http and this package, and how its entry enables the cache before it
 * loads the program.
 */
const formats = [
  { ...esm, format: 'ES modules', http: "import { createServer } from 'node:http';" },
  {
    ...esm,
    format: 'ES modules, `getBuiltinModule()`',
    http: "const { createServer } = process.getBuiltinModule('node:http');",
  },
  {
    format: 'CommonJS',
    extension: 'cjs',
    http: "const { createServer } = require('node:http');",
    systemd: "const { serve } = require('libsystemd');",
    enable: "const { enableCompileCache } = require('node:module');",
    load: (program) => `require('${program}');`,
  },
];

/** Writes the programs of a format: each one with this package and without, with an entry that enables the cache. */
async function writePrograms({ extension, http, systemd, enable, load }, programOf) {
  const write = (...lines) => programOf(lines.join('\n'), extension);
  const writeEntry = (program) =>
    write(enable, 'enableCompileCache(process.env.CACHE_DIRECTORY);', load(program));
  const [bare, serve] = [await write(http, BARE), await write(http, systemd, SERVE)];
  return { bare, serve, bareEntry: await writeEntry(bare), serveEntry: await writeEntry(serve) };
}

function sideOf(node, program, variables = {}) {
  return async () => await runForJson(await buildCSide(), ['pass', 1, node, program], variables);
}

/** Starts each side until the cache is full, and checks that Node has written a cache. */
async function warmUp(sides, folder) {
  for (let i = 0; i < WARM_UPS; i++) for (const side of sides) await side();
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  if (!entries.some((entry) => entry.isFile()))
    throw new Error(`Node has written no compile cache to ${folder}`);
}

/**
 * Measures a format: Node alone and serve(), without a cache, with the cache of the call, and with that of the
 * variable.
 */
async function measureFormat(format, node, programOf, rounds) {
  const folder = await mkdtemp(join(tmpdir(), 'libsystemd-bench-'));
  const [byCall, byVariable] = [{ CACHE_DIRECTORY: folder }, { NODE_COMPILE_CACHE: folder }];
  try {
    const { bare, serve, bareEntry, serveEntry } = await writePrograms(format, programOf);
    const sides = {
      bare: sideOf(node, bare),
      serve: sideOf(node, serve),
      bareByCall: sideOf(node, bareEntry, byCall),
      serveByCall: sideOf(node, serveEntry, byCall),
      bareByVariable: sideOf(node, bare, byVariable),
      serveByVariable: sideOf(node, serve, byVariable),
    };
    await warmUp(Object.values(sides), folder);
    return medians(await compare(sides, [], rounds));
  } finally {
    await rm(folder, { recursive: true });
  }
}

function rowsOf({ format }, version, times) {
  const row = (how, plain, node) => ({
    what: `start until it listens, Node ${version}, ${format}${how}`,
    unit: 'ms',
    plain,
    node,
  });
  return [
    row('', times.bare, times.serve),
    row(', cache by call', times.bareByCall, times.serveByCall),
    row(', cache by variable', times.bareByVariable, times.serveByVariable),
  ];
}

export async function compileCache(most) {
  let node;
  try {
    node = await nodeWithCompileCache();
  } catch (error) {
    console.error(
      `compile-cache: not measured, because no newer Node was fetched: ${error.message}`,
    );
    return [];
  }
  return await inInstallation(undefined, async (programOf) => {
    const rows = [];
    for (const format of formats) {
      const times = await measureFormat(format, node.program, programOf, Math.min(ROUNDS, most));
      rows.push(...rowsOf(format, node.version, times));
    }
    return rows;
  });
}
