// Programs that a bundler has put into one file with the package, run in a folder with nothing else.
import { cpSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, inject, test } from 'vitest';
import { root } from '../support/tools.ts';
import { type Bundler, bundlers, type Format } from './bundlers.ts';
import { type Deployed, deploy as deployTo, type Loading } from './deploy.ts';
import { makeFolder, SERVED, start } from './deployed.ts';

const folder = makeFolder();
afterAll(() => rmSync(folder, { recursive: true }));

const installed = join(inject('app'), 'node_modules/libsystemd');
const bundlersThat = (does: Bundler['does']) => bundlers.filter((bundler) => bundler.does === does);

const deploy = (bundler: Bundler, loading: Loading, format: Format, option = '') =>
  deployTo({ bundler, installed, folder, loading, format, option });

/** Finds the option for this bundler in the package's error. */
function findOption(error: string, { called }: Bundler): string {
  const lines = error.split('\n').find((line) => line.includes('was bundled into'))!;
  const [, option] = new RegExp(`[ ,]${called}(?:, \\w+)*: (.*?)(?:;|$)`).exec(lines)!;
  return option!;
}

/** The error of a bundle without the add-on, which has the options for all bundlers. */
const errorWithOptions = deploy(bundlersThat('neither')[0]!, 'import', 'esm').then(
  ({ deployed, file }) => start([process.execPath, file], deployed),
);

/** Installs the package beside a bundle that does not contain it, and starts the bundle. */
async function installAndStart({ deployed, file }: Deployed): Promise<string> {
  expect(readFileSync(file, 'utf8')).not.toContain('was bundled into');
  cpSync(installed, join(deployed, 'node_modules/libsystemd'), { recursive: true });
  return await start([process.execPath, file], deployed);
}

const LOADINGS_AND_FORMATS = (['import', 'require'] as const).flatMap((loading) =>
  (['esm', 'cjs'] as const).map((format) => [loading, format] as const),
);

describe.each(bundlersThat('neither'))(
  '$name bundles the package without its add-on',
  (bundler) => {
    test.concurrent.each(LOADINGS_AND_FORMATS)(
      'a program that loads it by %s, as %s: the error says how to leave the package out, and then the program serves',
      async (loading, format) => {
        const { deployed, file } = await deploy(bundler, loading, format);
        const error = await start([process.execPath, file], deployed);
        expect(error).toContain('ERR_SYSTEMD_ADDON');
        expect(error).toMatch(/^SystemdError: /m); // not SystemdError2, as esbuild calls the class
        const place = bundler.evaluates ? 'code that is evaluated and has no file' : file;
        expect(error).toContain(`libsystemd was bundled into ${place}, and its add-on was not`);
        expect(error).not.toContain('[cause]: undefined');

        const external = await deploy(bundler, loading, format, findOption(error, bundler));
        expect(await installAndStart(external)).toBe(SERVED);
      },
    );
  },
);

describe.each(bundlersThat('copies'))('$name copies the add-on', (bundler) => {
  test.concurrent.each(LOADINGS_AND_FORMATS)(
    'a program that loads it by %s, as %s, serves',
    async (loading, format) => {
      const { deployed, file } = await deploy(bundler, loading, format);
      expect(await start([process.execPath, file], deployed)).toBe(SERVED);
    },
  );

  test.concurrent.each(LOADINGS_AND_FORMATS)(
    'a program that loads it by %s, as %s, serves beside an installed package with the option of the error',
    async (loading, format) => {
      const option = findOption(await errorWithOptions, bundler);
      expect(await installAndStart(await deploy(bundler, loading, format, option))).toBe(SERVED);
    },
  );
});

describe.each(bundlersThat('leaves out'))('$name leaves the package out', (bundler) => {
  test.concurrent.each(LOADINGS_AND_FORMATS)(
    'a program that loads it by %s, as %s, serves beside an installed package',
    async (loading, format) => {
      expect(await installAndStart(await deploy(bundler, loading, format))).toBe(SERVED);
    },
  );
});

test('docs/bundling.md has a line for each bundler', () => {
  const page = readFileSync(join(root, 'docs/bundling.md'), 'utf8');
  const outcomes = {
    copies: 'copies the add-on',
    'leaves out': 'leaves the package out',
    neither: 'error',
  };
  const lines = bundlers.map(({ name, does }) => `| ${name} | ${outcomes[does]} |`);
  expect(page.split('\n')).toEqual(
    expect.arrayContaining(lines.map((line) => expect.stringContaining(line))),
  );
});
