// The units that `npx libsystemd units` writes: a real manager serves by them.
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { cli } from '../cli/run.ts';
import { root } from '../support/tools.ts';
import { describeInBed } from './bed.ts';

const serves = expect.stringMatching(/^Process \d+ of service [\w-]+\n$/);

describeInBed('units of the command line', [], (bed) => {
  test.each([
    ['plain', ['--listen', '8601'], 'http://127.0.0.1:8601'],
    ['reloading', ['--listen', 'http=8602', '--systemd', '262'], 'http://127.0.0.1:8602'],
    ['isolated', ['--listen', 'http=8603', '--no-network'], 'http://127.0.0.1:8603'],
    ['named', ['--listen', 'http=8604', '--user', 'www-data'], 'http://127.0.0.1:8604'],
  ])('%s: the first client starts it, and a restart serves the next', async (name, args, url) => {
    const app = bed().path(`/opt/units-${name}`);
    mkdirSync(app);
    copyFileSync(join(root, 'examples/hardened/server.mjs'), join(app, 'server.mjs'));
    const exec = `/usr/bin/node /opt/units-${name}/server.mjs`;
    const unit = `units-${name}`;
    const out = bed().path('/run/units');
    expect(cli(['units', '--name', unit, '--exec', exec, '--out', out, ...args])).toMatchObject({
      status: 0,
      stderr: '',
    });
    await bed().systemctl('daemon-reload');
    await bed().systemctl('start', `${unit}.socket`);
    const get = () => bed().evaluate<string>(`result(await (await fetch('${url}')).text());`);
    const first = await get();
    await bed().systemctl('restart', `${unit}.service`);
    const second = await get();
    expect([first, second]).toEqual([serves, serves]);
    expect(second).not.toBe(first);
    expect(second.split('of')[1]).toBe(first.split('of')[1]); // the folder of StateDirectory= is the same
    const { ActiveState, SubState, Result } = await bed().show(`${unit}.service`);
    expect({ ActiveState, SubState, Result }).toEqual({
      ActiveState: 'active',
      SubState: 'running',
      Result: 'success',
    });
  });

  test('a program with libsystemd/auto, as it is: node finds the preload from the working directory', async () => {
    mkdirSync(bed().path('/opt/units-auto'));
    const program =
      "require('http').createServer((_, response) => response.end(String(process.pid))).listen(8605);";
    writeFileSync(bed().path('/opt/units-auto/server.js'), program);
    const exec = 'node --import libsystemd/auto units-auto/server.js';
    const args = ['units', '--name', 'units-auto', '--listen', '8605', '--exec', exec];
    const { status } = cli([...args, '--out', bed().path('/run/units')], { cwd: '/opt' });
    expect(status).toBe(0);
    await bed().systemctl('daemon-reload');
    await bed().systemctl('start', 'units-auto.socket');
    const pid = await bed().evaluate<string>(
      "result(await (await fetch('http://127.0.0.1:8605')).text());",
    );
    const { MainPID, StatusText } = await bed().show('units-auto.service');
    expect({ MainPID, StatusText }).toEqual({
      MainPID: Number(pid),
      StatusText: 'Serving on 127.0.0.1:8605',
    });
  });
});
