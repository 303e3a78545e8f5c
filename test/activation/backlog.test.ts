// listen() keeps the unit's Backlog=. ss(8) shows the backlog that the kernel has.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { ssLacks } from './machine.ts';
import { notActivated, run } from './run.ts';

const folder = temporaryFolder();

/** The largest backlog: the kernel caps every larger number to it. */
const most = Number(readFileSync('/proc/sys/net/core/somaxconn', 'utf8'));

beforeEach((ctx) => {
  ctx.skip(ssLacks !== undefined, ssLacks);
  ctx.skip(most < 3000, `net.core.somaxconn is ${most}, and Backlog=3000 no more than that`);
});

const ss = `import { backlog } from './test/activation/programs/ss.mjs';`;

interface Case {
  /** Backlog= of the unit. */
  readonly unit: number;
  /** The option of listen(). */
  readonly option?: number;
  readonly after: number;
}

const cases: readonly Case[] = [
  { unit: 77, after: 77 },
  { unit: 77, option: 10, after: 77 },
  { unit: 77, option: 0, after: 77 },
  { unit: 77, option: 200, after: 200 },
  { unit: 77, option: 2 ** 31 - 1, after: most },
  { unit: 3000, after: 3000 },
  { unit: 3000, option: 512, after: 3000 },
  { unit: 3000, option: 3001, after: 3001 },
];

describe.each([
  ['TCP', 'tcp'],
  ['Unix', 'unix'],
])('the backlog of a %s socket', (_what, kind) => {
  let results: readonly { before: number; after: number; again: number; limit: number }[];

  beforeAll(async () => {
    if (ssLacks !== undefined || most < 3000) return;
    const specs = cases.map(({ unit }, i) => {
      const at = kind === 'tcp' ? '127.0.0.1:0' : `${folder}/${i}`;
      return `${kind}:${at},backlog=${unit}`;
    });
    const source = `${ss}
      const result = [];
      for (const [i, option] of ${JSON.stringify(cases.map(({ option }) => option))}.entries()) {
        const { fd, name, localAddress } = listenFds()[i];
        const before = backlog(localAddress);
        const server = createServer();
        await listen(server, { name, ...(option === null ? {} : { backlog: option }) });
        const after = backlog(localAddress);
        const { limit } = acceptQueue(fd);
        await once(server.close(), 'close');
        await listen(server, { name });
        result.push({ before, after, limit, again: backlog(localAddress) });
      }
    `;
    const names = cases.map((_, i) => `n${i}`).join(':');
    results = (await run(specs, source, { names })) as typeof results;
  });

  test.each(cases.map((of, i) => ({ option: 'none', ...of, i })))(
    'is $after after Backlog=$unit and the option $option, for this server and the next',
    ({ i, unit, after }) => {
      expect(results[i]).toEqual({ before: unit, after, limit: after, again: after });
    },
  );

  test('is set by the listen() of Node alone to 511, or to the number that it is given', async () => {
    const source = `${ss}
      const [first, second] = listenFds();
      await once(createServer().listen(first), 'listening');
      await once(createServer().listen(second, 5), 'listening');
      const result = [backlog(first.localAddress), backlog(second.localAddress)];
    `;
    const specs = ['a', 'b'].map((name) =>
      kind === 'tcp' ? 'tcp:127.0.0.1:0,backlog=3000' : `unix:${folder}/${name},backlog=3000`,
    );
    expect(await run(specs, source)).toEqual([511, 5]);
  });
});

test.each([
  ['a port', '0', 'undefined', 511],
  ['a port', '0', '33', 33],
  ['options', `{ port: 0 }`, '33', 33],
  ['options with a backlog of their own', `{ port: 0, backlog: 44 }`, '33', 44],
  ['a path', `'PATH'`, '33', 33],
])(
  'the backlog of a fallback to %s (%s), with the option %s, is %i',
  async (_what, fallback, option, after) => {
    const path = join(folder, 'fallback.sock');
    const source = `${ss}
    const server = createServer();
    const [address] = await listen(server, {
      fallback: ${fallback.replace('PATH', path)}, backlog: ${option},
    });
    const result = backlog(address);
    await once(server.close(), 'close');
  `;
    expect(await run([], source, notActivated)).toBe(after);
  },
);
