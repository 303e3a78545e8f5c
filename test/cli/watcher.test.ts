// What `activate --watch` restarts a program for: changes of real files, as editors, compilers and git make them.
import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import {
  anyFile,
  sourceFile,
  watchedPath,
  watchedProgram,
} from '../../lib/cli/activate/watched-files.ts';
import { Watcher } from '../../lib/cli/activate/watcher.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const parent = temporaryFolder();

/** The longest that a report may take on a busy machine. */
const LONGEST = 10_000;

let close: (() => void) | undefined;
afterEach(() => close?.());

/** A project: server.js, src/routes.js, src/deep/er/x.js, node_modules/one/index.js, .git/HEAD, data.db. */
function project(): string {
  const folder = mkdtempSync(join(parent, 'project-'));
  for (const inside of ['src/deep/er', 'node_modules/one', '.git', 'views']) {
    mkdirSync(join(folder, inside), { recursive: true });
  }
  const files = ['server.js', 'src/routes.js', 'src/deep/er/x.js', 'node_modules/one/index.js'];
  for (const file of [...files, '.git/HEAD', 'data.db', 'views/page.html']) {
    writeFileSync(join(folder, file), '1');
  }
  return folder;
}

/** Watches a project's sources. The function returns what is reported for the changes that it makes. */
function watching(folder: string, counts = sourceFile) {
  const batches: (readonly string[])[] = [];
  const errors: unknown[] = [];
  let wake: () => void = () => undefined;
  const watcher = new Watcher([{ folder, counts }], {
    directory: folder,
    onChange: (files) => {
      batches.push([...files].sort());
      wake();
    },
    onError: (error) => errors.push(error),
  });
  close = () => watcher.close();
  const report = async (): Promise<readonly string[]> => {
    const come = new Promise<void>((resolve) => {
      wake = resolve;
    });
    if (batches.length === 0) await Promise.race([come, sleep(LONGEST)]);
    return batches.shift() ?? [];
  };
  return { report, batches, errors };
}

interface Case {
  readonly what: string;
  readonly change: (folder: string) => void;
  readonly reported: readonly string[];
}

/** A change that is always reported. Reports come in order, so all before it have come when it has. */
const LAST = 'last.js';

const CASES: readonly Case[] = [
  {
    what: 'a file that is written anew',
    change: (folder) => writeFileSync(join(folder, 'server.js'), '2'),
    reported: ['server.js'],
  },
  {
    what: 'a file in a folder of a folder',
    change: (folder) => appendFileSync(join(folder, 'src/deep/er/x.js'), '2'),
    reported: ['src/deep/er/x.js'],
  },
  {
    what: 'a file that replaces another, as editors save',
    change: (folder) => {
      writeFileSync(join(folder, '.server.js.swp'), '2');
      writeFileSync(join(folder, '4913'), '');
      writeFileSync(join(folder, 'server.js~'), '2');
      renameSync(join(folder, 'server.js~'), join(folder, 'server.js'));
    },
    reported: ['server.js'],
  },
  {
    what: 'a new file',
    change: (folder) => writeFileSync(join(folder, 'src/new.ts'), ''),
    reported: ['src/new.ts'],
  },
  {
    what: 'a file that is deleted',
    change: (folder) => rmSync(join(folder, 'src/routes.js')),
    reported: ['src/routes.js'],
  },
  {
    what: 'a file that is touched',
    change: (folder) => utimesSync(join(folder, 'server.js'), 1, 1),
    reported: ['server.js'],
  },
  {
    what: 'settings in .env',
    change: (folder) => writeFileSync(join(folder, '.env'), ''),
    reported: ['.env'],
  },
  {
    what: 'the files of a new folder, each once, though they were there before the watch of it',
    change: (folder) => {
      mkdirSync(join(folder, 'lib/inner'), { recursive: true });
      writeFileSync(join(folder, 'lib/a.js'), '');
      writeFileSync(join(folder, 'lib/inner/b.js'), '');
    },
    reported: ['lib/a.js', 'lib/inner/b.js'],
  },
  {
    what: 'the files of a folder that is moved in',
    change: (folder) => {
      const outside = mkdtempSync(join(parent, 'outside-'));
      writeFileSync(join(outside, 'c.js'), '');
      renameSync(outside, join(folder, 'moved'));
    },
    reported: ['moved/c.js'],
  },
  {
    what: 'several files as one report',
    change: (folder) => {
      for (const file of ['server.js', 'src/routes.js', 'src/a.mjs']) {
        writeFileSync(join(folder, file), '3');
      }
    },
    reported: ['server.js', 'src/a.mjs', 'src/routes.js'],
  },
  {
    what: 'no log, database or page, which a program writes itself',
    change: (folder) => {
      appendFileSync(join(folder, 'data.db'), '2');
      writeFileSync(join(folder, 'server.log'), '2');
      writeFileSync(join(folder, 'views/page.html'), '2');
    },
    reported: [],
  },
  {
    what: 'nothing in node_modules and in folders that begin with a dot',
    change: (folder) => {
      writeFileSync(join(folder, 'node_modules/one/index.js'), '2');
      writeFileSync(join(folder, '.git/index.js'), '2');
      mkdirSync(join(folder, '.cache'));
      writeFileSync(join(folder, '.cache/x.js'), '2');
    },
    reported: [],
  },
  {
    what: 'nothing of what editors keep beside a file',
    change: (folder) => {
      for (const name of ['.#server.js', '#server.js#', 'server.js~', '.server.js.swx']) {
        writeFileSync(join(folder, name), '');
      }
    },
    reported: [],
  },
  {
    what: 'not a folder whose mode has changed, nor a loop of links',
    change: (folder) => {
      chmodSync(join(folder, 'src'), 0o700);
      symlinkSync('.', join(folder, 'src/loop'));
    },
    reported: [],
  },
];

describe('a watcher reports', () => {
  test.for(CASES)('$what', async ({ change, reported }) => {
    const folder = project();
    const { report, errors } = watching(folder);
    change(folder);
    writeFileSync(join(folder, LAST), '');
    expect(await report()).toEqual([...reported, LAST].sort());
    expect(errors).toEqual([]);
  });

  test('changes in a folder that has replaced another one of its name', async () => {
    const folder = project();
    const { report } = watching(folder);
    renameSync(join(folder, 'src'), join(folder, '.old'));
    mkdirSync(join(folder, 'src'));
    writeFileSync(join(folder, 'src/routes.js'), '2');
    expect(await report()).toContain('src/routes.js');
    writeFileSync(join(folder, 'src/routes.js'), '3');
    expect(await report()).toEqual(['src/routes.js']);
  });

  test('nothing of a folder that was moved away', async () => {
    const folder = project();
    const { report } = watching(folder);
    renameSync(join(folder, 'src'), join(folder, '.old'));
    await sleep(300);
    writeFileSync(join(folder, '.old/routes.js'), '2');
    writeFileSync(join(folder, LAST), '');
    expect(await report()).toEqual([LAST]);
  });

  test('a second change after the first in a report of its own, and none after close()', async () => {
    const folder = project();
    const { report, batches } = watching(folder);
    writeFileSync(join(folder, 'server.js'), '2');
    expect(await report()).toEqual(['server.js']);
    writeFileSync(join(folder, 'server.js'), '3');
    expect(await report()).toEqual(['server.js']);
    close?.();
    writeFileSync(join(folder, 'server.js'), '4');
    await sleep(300);
    expect(batches).toEqual([]);
  });

  test('once for changes that go on, when they have stopped', async () => {
    const folder = project();
    const { report, batches } = watching(folder);
    for (let i = 0; i < 10; i++) {
      writeFileSync(join(folder, `src/${i}.js`), '');
      await sleep(20);
    }
    const files = await report();
    await sleep(300);
    expect([files, ...batches].flat()).toHaveLength(10);
    expect(batches.length).toBeLessThan(3); // a busy machine may sleep longer than 100 ms in between
  });
});

test('a watcher that cannot be made watches nothing', async () => {
  const watches = () =>
    process.getActiveResourcesInfo().filter((name) => name === 'FSEventWrap').length;
  const before = watches();
  const folders = [project(), join(parent, 'missing')];
  const options = { directory: parent, onChange: () => {}, onError: () => {} };
  const make = () =>
    new Watcher(
      folders.map((folder) => ({ folder, counts: anyFile })),
      options,
    );
  expect(make).toThrow('ENOENT');
  await expect.poll(watches).toBeLessThanOrEqual(before);
});

describe('what is watched', () => {
  test('every kind of file in a folder that --watch-path names', async () => {
    const folder = project();
    const { report } = watching(join(folder, 'views'), anyFile);
    writeFileSync(join(folder, 'views/page.html'), '2');
    expect(await report()).toEqual(['page.html']);
  });

  test('one file that --watch-path names, though an editor replaces it', async () => {
    const folder = project();
    const watched = watchedPath(join(folder, 'data.db'));
    const batches: (readonly string[])[] = [];
    const watcher = new Watcher([watched], {
      directory: folder,
      onChange: (files) => batches.push(files),
      onError: (error) => expect.unreachable(String(error)),
    });
    close = () => watcher.close();
    writeFileSync(join(folder, 'server.js'), '2');
    writeFileSync(join(folder, 'new.db'), '2');
    renameSync(join(folder, 'new.db'), join(folder, 'data.db'));
    await expect.poll(() => batches, { timeout: LONGEST }).toEqual([['data.db']]);
  });

  test.for([
    ['the package of the script', ['node', 'src/deep/er/x.js'], 'package.json', '.'],
    [
      'the package of the script, behind options',
      ['node', '--import', 'x', 'src/routes.js'],
      'package.json',
      '.',
    ],
    [
      'the folder of the script without a package.json',
      ['python3', 'src/routes.js'],
      undefined,
      'src',
    ],
    ['the working directory without a script', ['my-daemon'], undefined, '.'],
  ] as const)('%s', ([, command, file, expected]) => {
    const folder = project();
    if (file !== undefined) writeFileSync(join(folder, file), '{}');
    expect(watchedProgram(command, folder).folder).toBe(join(folder, expected));
  });
});
