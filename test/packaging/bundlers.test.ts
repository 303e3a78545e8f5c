// Programs that a bundler has put into one file with the package, and that then run where nothing else is.
import { cpSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, inject, test } from 'vitest';
import { type Bundler, bundlers, type Format } from './bundlers.ts';
import { newFolder, PROGRAM, SERVED, start } from './deployed.ts';

const folder = newFolder();
afterAll(() => rmSync(folder, { recursive: true }));

const installed = join(inject('app'), 'node_modules/libsystemd');
const ENTRIES = { import: ['app.mjs', PROGRAM.esm], require: ['app.cjs', PROGRAM.cjs] } as const;
type Loading = keyof typeof ENTRIES;

let count = 0;

/** Bundles the program, takes the bundle away from where it was made, and deletes what it was made of. */
async function deploy(bundler: Bundler, loading: Loading, format: Format, words = '') {
  count += 1;
  const project = join(folder, `project-${count}`);
  const deployed = join(folder, `deployed-${count}`);
  cpSync(installed, join(project, 'node_modules/libsystemd'), { recursive: true });
  writeFileSync(join(project, 'package.json'), '{ "private": true }\n');
  const [entry, source] = ENTRIES[loading];
  writeFileSync(join(project, entry), source);
  const out = join(project, 'out');
  const file = await bundler.bundle({ project, entry, out, format, words });
  renameSync(out, deployed);
  rmSync(project, { recursive: true });
  return { deployed, file: join(deployed, file) };
}

/** The words for this bundler in the package's error. */
function wordsOf(error: string, { called }: Bundler): string {
  const lines = error.split('\n').find((line) => line.includes('was bundled into'))!;
  const [, words] = new RegExp(`[ ,]${called}(?:, \\w+)*: (.*?)(?:;|$)`).exec(lines)!;
  return words!;
}

/** The error of a bundle by a bundler that does not copy the add-on; it has the words for all. */
const hint = deploy(bundlers[0]!, 'import', 'esm').then(({ deployed, file }) =>
  start([process.execPath, file], deployed),
);

function installIn(deployed: string): void {
  mkdirSync(join(deployed, 'node_modules'), { recursive: true });
  cpSync(installed, join(deployed, 'node_modules/libsystemd'), { recursive: true });
}

describe.each(bundlers)('$name', (bundler) => {
  const cases = (['import', 'require'] as const).flatMap((loading) =>
    (['esm', 'cjs'] as const).map((format) => [loading, format] as const),
  );
  test.concurrent.each(cases)(
    `by %s, as %s: ${bundler.serves ? 'serves' : 'says how to leave the package out, and then serves'}`,
    async (loading, format) => {
      const { deployed, file } = await deploy(bundler, loading, format);
      const said = await start([process.execPath, file], deployed);
      if (bundler.serves) {
        expect(said).toBe(SERVED);
        return;
      }
      expect(said).toContain('ERR_SYSTEMD_ADDON');
      expect(said).toContain(`libsystemd was bundled into ${file}, and its add-on was not`);

      const external = await deploy(bundler, loading, format, wordsOf(said, bundler));
      installIn(external.deployed);
      expect(await start([process.execPath, external.file], external.deployed)).toBe(SERVED);
    },
  );
});

describe.each(bundlers.filter(({ serves }) => serves))(
  '$name, told to leave the package out',
  (bundler) => {
    test.concurrent.each(['esm', 'cjs'] as const)('as %s: serves', async (format) => {
      const words = wordsOf(await hint, bundler);
      const { deployed, file } = await deploy(
        bundler,
        format === 'esm' ? 'import' : 'require',
        format,
        words,
      );
      expect(readFileSync(file, 'utf8')).not.toContain('ERR_SYSTEMD_ADDON');
      installIn(deployed);
      expect(await start([process.execPath, file], deployed)).toBe(SERVED);
    });
  },
);
