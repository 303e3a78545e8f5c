// Programs that a bundler has put into one file with the package, and that then run where nothing else is.
import { cpSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, inject, test } from 'vitest';
import { root } from '../support/tools.ts';
import { type Bundler, bundlers, type Format } from './bundlers.ts';
import { type Deployed, deploy as deployTo, type Loading } from './deploy.ts';
import { newFolder, SERVED, start } from './deployed.ts';

const folder = newFolder();
afterAll(() => rmSync(folder, { recursive: true }));

const installed = join(inject('app'), 'node_modules/libsystemd');
const by = (does: Bundler['does']) => bundlers.filter((bundler) => bundler.does === does);

const deploy = (bundler: Bundler, loading: Loading, format: Format, words = '') =>
  deployTo({ bundler, installed, folder, loading, format, words });

/** The words for this bundler in the package's error. */
function wordsOf(error: string, { called }: Bundler): string {
  const lines = error.split('\n').find((line) => line.includes('was bundled into'))!;
  const [, words] = new RegExp(`[ ,]${called}(?:, \\w+)*: (.*?)(?:;|$)`).exec(lines)!;
  return words!;
}

/** The error of a bundle without the add-on, which has the words for every bundler. */
const said = deploy(by('neither')[0]!, 'import', 'esm').then(({ deployed, file }) =>
  start([process.execPath, file], deployed),
);

/** With the package installed beside the bundle, which has to be without it. */
async function startInstalled({ deployed, file }: Deployed): Promise<string> {
  expect(readFileSync(file, 'utf8')).not.toContain('was bundled into');
  cpSync(installed, join(deployed, 'node_modules/libsystemd'), { recursive: true });
  return await start([process.execPath, file], deployed);
}

const BY_AND_AS = (['import', 'require'] as const).flatMap((loading) =>
  (['esm', 'cjs'] as const).map((format) => [loading, format] as const),
);

describe.each(by('neither'))('$name puts the package in', (bundler) => {
  test.concurrent.each(BY_AND_AS)(
    'by %s, as %s: the error says how to leave it out, and then it serves',
    async (loading, format) => {
      const { deployed, file } = await deploy(bundler, loading, format);
      const said = await start([process.execPath, file], deployed);
      expect(said).toContain('ERR_SYSTEMD_ADDON');
      expect(said).toMatch(/^SystemdError: /m); // not SystemdError2, as esbuild calls the class
      const into = bundler.evaluates ? 'code that is evaluated and has no file' : file;
      expect(said).toContain(`libsystemd was bundled into ${into}, and its add-on was not`);
      expect(said).not.toContain('[cause]: undefined');

      const external = await deploy(bundler, loading, format, wordsOf(said, bundler));
      expect(await startInstalled(external)).toBe(SERVED);
    },
  );
});

describe.each(by('copies'))('$name copies the add-on', (bundler) => {
  test.concurrent.each(BY_AND_AS)('by %s, as %s: it serves', async (loading, format) => {
    const { deployed, file } = await deploy(bundler, loading, format);
    expect(await start([process.execPath, file], deployed)).toBe(SERVED);
  });

  test.concurrent.each(BY_AND_AS)(
    'by %s, as %s: left out by the words of the error, it serves where it is installed',
    async (loading, format) => {
      const words = wordsOf(await said, bundler);
      expect(await startInstalled(await deploy(bundler, loading, format, words))).toBe(SERVED);
    },
  );
});

describe.each(by('leaves out'))('$name leaves the package out', (bundler) => {
  test.concurrent.each(BY_AND_AS)(
    'by %s, as %s: it serves where it is installed',
    async (loading, format) => {
      expect(await startInstalled(await deploy(bundler, loading, format))).toBe(SERVED);
    },
  );
});

test('each of them has a line in docs/bundling.md', () => {
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
