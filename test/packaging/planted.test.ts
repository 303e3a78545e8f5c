// Planted add-ons: attackers may have put them at every path where a wrong search could look (CWE-427). None may ever be
// loaded.
import { copyFileSync, cpSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { prebuiltFile, processors } from '../../scripts/processors.mjs';
import { compile } from '../support/tools.ts';
import { bundlers } from './bundlers.ts';
import { deploy } from './deploy.ts';
import { makeFolder, SERVED, start } from './deployed.ts';
import { evaluate } from './machine.ts';

const folder = makeFolder();
afterAll(() => rmSync(folder, { recursive: true }));

const installed = join(inject('app'), 'node_modules/libsystemd');
const witness = join(folder, 'witness');
const addon = join(folder, 'planted.so');

beforeAll(() =>
  compile([
    `-DWITNESS="${witness}"`,
    ...['-shared', '-fPIC', '-o', addon, join(import.meta.dirname, 'planted.c')],
  ]),
);

/** The paths of planted add-ons below a folder that could be mistaken for the package's. */
const PLACES = [
  'build/Release/libsystemd.node',
  'native/build/Release/libsystemd.node',
  'libsystemd.node',
  'libsystemd.node',
  ...processors.map((processor) => prebuiltFile(processor)),
];

function plantAddons(folder: string, places = PLACES): void {
  for (const place of places) {
    mkdirSync(dirname(join(folder, place)), { recursive: true });
    copyFileSync(addon, join(folder, place));
  }
}

/** Plants a whole package, so that the folder looks right. */
function plantPackage(folder: string): void {
  plantAddons(folder);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{ "name": "libsystemd", "version": "0.1.0" }\n');
}

/** Plants packages in a working folder, at every path that a relative path could lead to. */
function plantWorkingFolder(folder: string): void {
  plantPackage(folder);
  for (const name of ['undefined', 'null', 'file:', '[object Object]', 'dist', 'relative']) {
    plantPackage(join(folder, name));
  }
  cpSync(installed, join(folder, 'node_modules/libsystemd'), { recursive: true });
  plantPackage(join(folder, 'node_modules/libsystemd'));
}

const working = join(folder, 'working');
beforeAll(() => plantWorkingFolder(working));

const LOADINGS_AND_FORMATS = (['import', 'require'] as const).flatMap((loading) =>
  (['esm', 'cjs'] as const).map((format) => [loading, format] as const),
);

describe.each(bundlers.filter(({ does }) => does !== 'leaves out'))(
  'bundled by $name, a program loads no planted add-on:',
  (bundler) => {
    test.concurrent.each(LOADINGS_AND_FORMATS)('loading by %s, as %s', async (loading, format) => {
      const deployment = { bundler, installed, folder, loading, format };
      const { project, deployed, file } = await deploy(deployment);
      // The folders of the build machine. On the machine of the bundle anyone may create them.
      plantPackage(join(project, 'node_modules/libsystemd'));
      plantPackage(join(project, 'node_modules'));
      plantPackage(project);
      for (const above of ['..', '../..', '../../..']) plantPackage(join(deployed, above));
      const places =
        bundler.does === 'copies' ? ['libsystemd.node', 'build/Release/libsystemd.node'] : PLACES;
      plantAddons(deployed, places);

      const output = await start([process.execPath, file], working);
      expect(existsSync(witness)).toBe(false);
      if (bundler.does === 'copies') expect(output).toBe(SERVED);
      else expect(output).toContain('ERR_SYSTEMD_ADDON');
    });
  },
);

/** Evaluates the package's code without a true file, and calls a function that needs the add-on. */
const IN_CONTEXTS = `
  import { readFileSync } from 'node:fs';
  import { createRequire } from 'node:module';
  import vm from 'node:vm';
  const places = [undefined, '', 'relative/dist/index.js', './dist/index.js', 'file:relative/dist/index.js', 'file:dist/index.js',
    'data:text/javascript,', 'http://localhost/dist/index.js', 'file://elsewhere/dist/index.js',
    process.env.LIE, 'file://' + process.env.LIE];
  const outcomes = {};
  const inspectBy = (how, { inspect }) => {
    try { outcomes[how] = inspect(0).kind; } catch ({ code }) { outcomes[how] = code; }
  };
  const esm = readFileSync(process.env.ESM, 'utf8');
  const cjs = readFileSync(process.env.CJS, 'utf8');
  for (const place of places) {
    const module = new vm.SourceTextModule(esm, { initializeImportMeta(meta) { if (place !== undefined) meta.url = place; } });
    await module.link(() => {});
    await module.evaluate();
    inspectBy('module of ' + place, module.namespace);

    const text = '(function (exports, require, __filename, __dirname) {' + cjs + '\\n})';
    const options = place === undefined || place.endsWith(process.env.LIE) ? {} : { filename: place };
    const exports = {};
    new vm.Script(text, options).runInThisContext()(exports, createRequire(process.cwd() + '/x.js'), place, place && place + '/..');
    inspectBy('script of ' + place, exports);
  }
  inspectBy('data:', await import('data:text/javascript,' + encodeURIComponent(esm)));
  inspectBy('eval', (0, eval)('(() => { const exports = {}; const __filename = process.env.LIE; const __dirname = __filename + "/.."; ' + cjs + '\\nreturn exports; })()'));
  result(outcomes);
`;

test('code evaluated by node:vm, eval() or a data: URL loads no planted add-on, whatever import.meta.url says', async () => {
  const lie = join(folder, 'lie');
  plantPackage(lie);
  mkdirSync(join(lie, 'dist'));
  copyFileSync(join(installed, 'dist/index.js'), join(lie, 'dist/index.js'));
  const outcomes = await evaluate(IN_CONTEXTS, {
    cwd: working,
    node: [process.execPath, '--experimental-vm-modules', '--no-warnings'],
    env: {
      ESM: join(installed, 'dist/index.js'),
      CJS: join(installed, 'dist/cjs/index.js'),
      LIE: join(lie, 'dist/index.js'),
      NODE_PATH: working,
    },
  });
  expect(existsSync(witness)).toBe(false);
  expect(Object.keys(outcomes as object)).toHaveLength(24);
  expect(new Set(Object.values(outcomes as object))).toEqual(new Set(['ERR_SYSTEMD_ADDON']));
});

test('a planted add-on that is loaded creates the witness, so that the tests above could fail', async () => {
  const source = `try { process.dlopen({ exports: {} }, ${JSON.stringify(addon)}); } catch { result(1); }`;
  expect(await evaluate(source, { cwd: folder })).toBe(1);
  expect(existsSync(witness)).toBe(true);
});
