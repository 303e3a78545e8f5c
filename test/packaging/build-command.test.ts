// The command in the message of ERR_SYSTEMD_ADDON, which builds an add-on for a processor without a prebuilt one.
import { cpSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, inject, test } from 'vitest';
import { nodedir } from '../../scripts/node-headers.mjs';
import { buildCommand, pretend } from './elsewhere.ts';
import { evaluate, shell } from './machine.ts';

test('the command builds an add-on that loads, and does not change the project', async () => {
  // The path has a blank and a quote.
  const cwd = join(inject('app'), '..', "an app's copy");
  cpSync(inject('app'), cwd, { recursive: true });
  const readProject = () => [
    readFileSync(join(cwd, 'package.json'), 'utf8'),
    readdirSync(join(cwd, 'node_modules')),
  ];
  const before = readProject();

  const node = [process.execPath, '--import', pretend({ arch: 'loong64' })];
  const load = `
    import { inspect } from 'libsystemd';
    try { inspect(0); result(mapped()); } catch (error) { result(error.message); }
  `;
  const [, command] = buildCommand.exec((await evaluate(load, { cwd, node })) as string)!;
  // node-gyp would download headers, and CI can't. The running Node has its headers beside it.
  await shell(command!, { cwd: '/', env: nodedir ? { npm_config_nodedir: nodedir } : {} });

  const built = join(cwd, 'node_modules/libsystemd/native/build/Release/libsystemd.node');
  expect(await evaluate(load, { cwd, node })).toStrictEqual([built]);
  expect(readProject()).toStrictEqual(before);
});
