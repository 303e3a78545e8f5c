import { cpSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, inject, test } from 'vitest';
import { nodedir } from '../../scripts/node-headers.mjs';
import { buildCommand, pretend } from './elsewhere.ts';
import { evaluate, shell } from './machine.ts';

test('the command in the message builds an add-on, and changes nothing of the project', async () => {
  // With a blank and a quote in its path, as folders of people have them.
  const cwd = join(inject('app'), '..', "an app's copy");
  cpSync(inject('app'), cwd, { recursive: true });
  const project = () => [
    readFileSync(join(cwd, 'package.json'), 'utf8'),
    readdirSync(join(cwd, 'node_modules')),
  ];
  const before = project();

  const node = [process.execPath, '--import', pretend({ arch: 'loong64' })];
  const load = `
    import { inspect } from 'libsystemd';
    try { inspect(0); result(mapped()); } catch (error) { result(error.message); }
  `;
  const [, command] = buildCommand.exec((await evaluate(load, { cwd, node })) as string)!;
  // Elsewhere node-gyp downloads the headers; this Node has its own, and CI no way to others.
  await shell(command!, { cwd: '/', env: nodedir ? { npm_config_nodedir: nodedir } : {} });

  const built = join(cwd, 'node_modules/libsystemd/native/build/Release/libsystemd.node');
  expect(await evaluate(load, { cwd, node })).toStrictEqual([built]);
  expect(project()).toStrictEqual(before);
});
