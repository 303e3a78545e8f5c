// The unit of examples/hardened under a real systemd, in each version of Node.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, inject, test } from 'vitest';
import { describeInBed, inBed } from '../manager/bed.ts';
import { root } from '../support/tools.ts';

const EXAMPLE = join(root, 'examples/hardened');
const URL = 'http://127.0.0.1:8082';
const nodes = inject('runtimes').filter(({ kind }) => kind === 'node');

describeInBed('the hardened example', [EXAMPLE], (bed) => {
  test.each(
    nodes.flatMap(({ name, version, command: [path] }) =>
      ['', 'Environment=WORKERS=2'].map((line) => [name, line, version, path!] as const),
    ),
  )('in %s serves, and restarts, with "%s"', async (_name, line, version, path) => {
    const node = inBed(path);
    expect((await bed().run(node, '--version')).trim()).toBe(`v${version}`);
    const text = readFileSync(join(EXAMPLE, 'hardened.service'), 'utf8');
    const start = text.replace('ExecStart=/usr/bin/node', `${line}\nExecStart=${node}`);
    await bed().add({ 'hardened.service': start });
    await bed().systemctl('start', 'hardened.socket');
    const request = () => bed().evaluate<string>(`result(await (await fetch('${URL}')).text());`);
    const first = await request();
    expect(first).toMatch(/^Process \d+ of service \S{36}\n$/);
    await bed().systemctl('restart', 'hardened.service');
    const second = await request();
    expect(second.slice(second.indexOf('of'))).toBe(first.slice(first.indexOf('of')));
    await bed().systemctl('stop', 'hardened.service', 'hardened.socket');
    expect(await bed().show('hardened.service')).toMatchObject({ Result: 'success', NRestarts: 0 });
    expect(await bed().journal('hardened.service')).not.toMatch(
      /SIGSYS|status=31|Worker \d+ ended/,
    );
  });
});
