// onMemoryPressure() on the kernel's own files, while processes of a cgroup wait for memory.
import { closeSync, constants, openSync, writeSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { beginWatch, endWatch } from '../../lib/addon/watcher-events.ts';
import { PressedCgroup, whyNoPressure } from '../support/pressed-cgroup.ts';
import { attempt, type Line, run, start, WRITE } from './support.ts';

/** The milliseconds of the default trigger. */
const THRESHOLD = 200;
const WINDOW = 2_000;

const variablesFor = ({ file }: PressedCgroup) => ({
  MEMORY_PRESSURE_WATCH: file,
  MEMORY_PRESSURE_WRITE: WRITE,
});

/** A trigger without any judgement. `reported` is true once the kernel has reported, false when two windows are over. */
function watchPlainly(file: string): { readonly reported: Promise<boolean> } {
  const EPOLLPRI = 2;
  const fd = openSync(file, constants.O_RDWR | constants.O_NONBLOCK);
  writeSync(fd, 'some 200000 2000000\0');
  const reported = new Promise<boolean>((resolve) => {
    const end = (result: boolean) => {
      clearTimeout(timer);
      endWatch(id);
      resolve(result);
    };
    const id = beginWatch(
      (native) => native.watch(fd, EPOLLPRI),
      () => end(true),
      'epoll_ctl',
      fd,
    );
    const timer = setTimeout(() => end(false), 2 * WINDOW);
    closeSync(fd);
  });
  return { reported };
}

const reason = whyNoPressure();
const title = 'a PSI file';
describe.skipIf(reason)(reason === undefined ? title : `${title} (skipped: ${reason})`, () => {
  test('tells how long the tasks of the cgroup have waited, again and again', async () => {
    await using group = new PressedCgroup();
    await using program = start(variablesFor(group), 'say(attempt(tell))');
    expect(await program.next<Line>()).toEqual({ source: group.file });
    group.squeeze();
    let told = 0;
    for (let i = 0; i < 3; i++) {
      const { stalled } = await program.next<Line>();
      expect(stalled).toBeGreaterThan(i === 0 ? THRESHOLD : 0);
      told += stalled as number;
    }
    expect(told).toBeLessThan(group.stalled + 0.001); // sums of fractions are not exact
  });

  // The kernel counts the waiting from before the trigger into its first window: here a second against a few milliseconds.
  test('says nothing of the waiting before the watch', async () => {
    await using group = new PressedCgroup();
    group.squeeze();
    await group.hasStalled(1_000);
    await group.relax();
    await using program = start(
      variablesFor(group),
      `say(attempt(tell)); process.on('SIGUSR2', () => say({ end: true }));`,
    );
    await program.next<Line>();
    const before = group.stalled;
    const { reported } = watchPlainly(group.file);
    await group.squeezeShortly();
    await reported;
    expect(group.stalled - before).toBeLessThan(THRESHOLD);
    process.kill(program.pid as number, 'SIGUSR2');
    expect(await program.next<Line>()).toEqual({ end: true });
    group.squeeze();
    const { stalled } = await program.next<Line>();
    expect(stalled).toBeGreaterThan(THRESHOLD);
  });

  test('each watch has a trigger of its own, and each thread', async () => {
    await using group = new PressedCgroup();
    await using program = start(
      variablesFor(group),
      `
      onMemoryPressure(() => say({ by: 'first' }));
      onMemoryPressure(() => say({ by: 'second' }));
      thread('onMemoryPressure(() => parentPort.postMessage("thread"));').on('message', (by) => say({ by }));`,
    );
    expect(await program.next<Line>()).toEqual({ by: 'ready' });
    group.squeeze();
    const heard = new Set<unknown>();
    while (heard.size < 3) heard.add((await program.next<Line>())['by']);
    expect(heard).toEqual(new Set(['first', 'second', 'thread']));
  });

  test('a worker thread that is terminated leaves no descriptor and no thread', async () => {
    await using group = new PressedCgroup();
    const lines = run(
      variablesFor(group),
      `
      import { once } from 'node:events';
      const state = () => ({
        files: openFiles(),
        threads: readdirSync('/proc/self/task').length,
      });
      const turn = async () => {
        const worker = thread('onMemoryPressure(() => {}); onMemoryPressure(() => {});');
        await once(worker, 'message');
        const during = state().files;
        await worker.terminate();
        return during;
      };
      await turn();
      const { threads } = state();
      say({ during: await turn() });
      say({ files: state().files, threads: state().threads - threads });`,
    );
    expect(lines).toEqual([{ during: 2 }, { files: 0, threads: 0 }]);
  });

  test('the watch ends with its cgroup', async () => {
    const group = new PressedCgroup();
    await using program = start(
      variablesFor(group),
      `
      const watch = onMemoryPressure(tell);
      say({ source: watch.source });
      while (watch.source !== undefined) await sleep(5);
      say({ source: null })`,
    );
    expect(await program.next<Line>()).toEqual({ source: group.file });
    await group.remove();
    expect(await program.next<Line>()).toEqual({ source: null });
  });

  test('close(), `using` and a signal end the trigger, and nothing keeps the process alive', async () => {
    await using group = new PressedCgroup();
    const lines = run(
      variablesFor(group),
      `
      const controller = new AbortController();
      const watches = [
        onMemoryPressure(tell),
        onMemoryPressure(tell),
        onMemoryPressure(tell, { signal: controller.signal }),
      ];
      const state = () => say([openFiles(), ...watches.map(({ source }) => source !== undefined)]);
      state();
      watches[0].close();
      watches[0].close();
      state();
      watches[1][Symbol.dispose]();
      state();
      controller.abort();
      state();
      say(onMemoryPressure(tell, { signal: controller.signal }).source === undefined);
      onMemoryPressure(tell);`,
    );
    expect(lines).toEqual([
      [3, true, true, true],
      [2, false, true, true],
      [1, false, false, true],
      [0, false, false, false],
      true,
    ]);
  });

  test('has systemd’s default trigger where MEMORY_PRESSURE_WRITE is missing', async () => {
    await using group = new PressedCgroup();
    await using program = start({ MEMORY_PRESSURE_WATCH: group.file }, 'say(attempt(tell))');
    expect(await program.next<Line>()).toEqual({ source: group.file });
    group.squeeze();
    expect((await program.next<Line>()).stalled).toBeGreaterThan(THRESHOLD);
  });

  test('a trigger that the kernel refuses is an error with the path', async () => {
    await using group = new PressedCgroup();
    const MEMORY_PRESSURE_WRITE = Buffer.from('some 1 2\0').toString('base64');
    expect(attempt({ MEMORY_PRESSURE_WATCH: group.file, MEMORY_PRESSURE_WRITE })).toMatchObject({
      name: 'SystemdError',
      code: 'EINVAL',
      syscall: 'write',
      path: group.file,
      message: expect.stringContaining('MEMORY_PRESSURE_WATCH'),
    });
  });

  test.each([
    ['cgroup', /^\/sys\/fs\/cgroup\/.*\/memory\.pressure$/],
    ['system', /^\/proc\/pressure\/memory$/],
  ])('fallback %s is watched where the manager names nothing', async (fallback, path) => {
    await using group = new PressedCgroup();
    const lines = run(
      {},
      `
      import { writeFileSync } from 'node:fs';
      writeFileSync(${JSON.stringify(`${group.folder}/cgroup.procs`)}, '0');
      say(attempt(tell, { fallback: '${fallback}' }));`,
    );
    expect(lines[0]?.source).toMatch(path);
    if (fallback === 'cgroup') expect(lines[0]?.source).toBe(group.file);
  });

  test('no descriptor left is EMFILE, and the next call works', async () => {
    await using group = new PressedCgroup();
    const lines = run(
      variablesFor(group),
      `
      import { openSync, closeSync } from 'node:fs';
      onMemoryPressure(tell).close(); // loads the add-on
      const fds = [];
      try {
        for (;;) fds.push(openSync('/dev/null'));
      } catch {}
      say(attempt(tell));
      for (const fd of fds) closeSync(fd);
      say(attempt(tell));`,
    );
    expect(lines).toMatchObject([{ code: 'EMFILE' }, { source: group.file }]);
  });
});
