// Add-ons that others have put wherever a wrong path could lead (CWE-427). None of them may ever be loaded.
import { copyFileSync, cpSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { prebuiltFile, processors } from '../../scripts/processors.mjs';
import { compile } from '../support/tools.ts';
import { bundlers } from './bundlers.ts';
import { deploy } from './deploy.ts';
import { newFolder, SERVED, start } from './deployed.ts';
import { evaluate } from './machine.ts';

const folder = newFolder();
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

/** Below a folder that something takes for the package's. */
const PLACES = [
  'build/Release/libsystemd.node',
  'native/build/Release/libsystemd.node',
  'libsystemd.node',
  'libsystemd.glibc.node',
  ...processors.map((processor) => prebuiltFile(processor)),
];

function plant(where: string, places = PLACES): void {
  for (const place of places) {
    mkdirSync(dirname(join(where, place)), { recursive: true });
    copyFileSync(addon, join(where, place));
  }
}

/** As if the whole package were there, so that the folder looks right. */
function plantPackage(where: string): void {
  plant(where);
  mkdirSync(where, { recursive: true });
  writeFileSync(join(where, 'package.json'), '{ "name": "libsystemd", "version": "0.1.0" }\n');
}

/** Which a path that is not absolute leads into. */
function plantWorkingFolder(where: string): void {
  plantPackage(where);
  for (const name of ['undefined', 'null', 'file:', '[object Object]', 'dist', 'relative']) {
    plantPackage(join(where, name));
  }
  cpSync(installed, join(where, 'node_modules/libsystemd'), { recursive: true });
  plantPackage(join(where, 'node_modules/libsystemd'));
}

const working = join(folder, 'working');
beforeAll(() => plantWorkingFolder(working));

const BY_AND_AS = (['import', 'require'] as const).flatMap((loading) =>
  (['esm', 'cjs'] as const).map((format) => [loading, format] as const),
);

describe.each(bundlers.filter(({ does }) => does !== 'leaves out'))(
  'bundled by $name',
  (bundler) => {
    test.concurrent.each(BY_AND_AS)('by %s, as %s', async (loading, format) => {
      const deployment = { bundler, installed, folder, loading, format };
      const { project, deployed, file } = await deploy(deployment);
      // On the machine of the build the package was here; on this one it is anybody's.
      plantPackage(join(project, 'node_modules/libsystemd'));
      plantPackage(join(project, 'node_modules'));
      plantPackage(project);
      for (const above of ['..', '../..', '../../..']) plantPackage(join(deployed, above));
      const beside =
        bundler.does === 'copies' ? ['libsystemd.node', 'build/Release/libsystemd.node'] : PLACES;
      plant(deployed, beside);
      const working = join(folder, 'working');
      plantWorkingFolder(working);

      const said = await start([process.execPath, file], working);
      expect(existsSync(witness)).toBe(false);
      if (bundler.does === 'copies') expect(said).toBe(SERVED);
      else expect(said).toContain('ERR_SYSTEMD_ADDON');
    });
  },
);

/** Loads the package's text where there is no true file, and gives what an add-on was asked for and said. */
const IN_CONTEXTS = `
  import { readFileSync } from 'node:fs';
  import { createRequire } from 'node:module';
  import vm from 'node:vm';
  const places = [undefined, '', 'relative/dist/index.js', './dist/index.js', 'file:relative/dist/index.js', 'file:dist/index.js',
    'data:text/javascript,', 'http://localhost/dist/index.js', 'file://elsewhere/dist/index.js',
    process.env.LIE, 'file://' + process.env.LIE];
  const said = {};
  const ask = (how, { inspect }) => {
    try { said[how] = inspect(0).kind; } catch ({ code }) { said[how] = code; }
  };
  const esm = readFileSync(process.env.ESM, 'utf8');
  const cjs = readFileSync(process.env.CJS, 'utf8');
  for (const place of places) {
    const module = new vm.SourceTextModule(esm, { initializeImportMeta(meta) { if (place !== undefined) meta.url = place; } });
    await module.link(() => {});
    await module.evaluate();
    ask('module of ' + place, module.namespace);

    const text = '(function (exports, require, __filename, __dirname) {' + cjs + '\\n})';
    const options = place === undefined || place.endsWith(process.env.LIE) ? {} : { filename: place };
    const exports = {};
    new vm.Script(text, options).runInThisContext()(exports, createRequire(process.cwd() + '/x.js'), place, place && place + '/..');
    ask('script of ' + place, exports);
  }
  ask('data:', await import('data:text/javascript,' + encodeURIComponent(esm)));
  ask('eval', (0, eval)('(() => { const exports = {}; const __filename = process.env.LIE; const __dirname = __filename + "/.."; ' + cjs + '\\nreturn exports; })()'));
  result(said);
`;

test('evaluated by node:vm, by eval() or of a data: URL, whatever import.meta.url says', async () => {
  const lie = join(folder, 'lie');
  plantPackage(lie);
  mkdirSync(join(lie, 'dist'));
  copyFileSync(join(installed, 'dist/index.js'), join(lie, 'dist/index.js'));
  const said = await evaluate(IN_CONTEXTS, {
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
  expect(Object.keys(said as object)).toHaveLength(24);
  expect(new Set(Object.values(said as object))).toEqual(new Set(['ERR_SYSTEMD_ADDON']));
});

test('what is planted says so where it is loaded, so that the tests above could fail', async () => {
  const source = `try { process.dlopen({ exports: {} }, ${JSON.stringify(addon)}); } catch { result(1); }`;
  expect(await evaluate(source, { cwd: folder })).toBe(1);
  expect(existsSync(witness)).toBe(true);
});
