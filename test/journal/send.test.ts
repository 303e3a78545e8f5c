// journal.send() to a receiver that is not journald, so that each byte can be seen, and the receiver can go away.
import { describe, expect, test } from 'vitest';
import { inPrivateRun } from './private-run.ts';
import { withReceiver } from './with-receiver.ts';

describe.concurrent('an entry', () => {
  test.each([
    [
      'a message alone',
      `{ message: 'Hello' }`,
      [
        ['MESSAGE', 'Hello'],
        ['PRIORITY', '6'],
        ['SYSLOG_IDENTIFIER', 'node'],
      ],
    ],
    [
      'each property',
      `{ message: 'm', priority: 'warning', identifier: 'me', messageId: 'A596D6FE-7BFA-4994-828E-72309E95D61E', fields: { A: 1, B_2: 'x' } }`,
      [
        ['MESSAGE', 'm'],
        ['PRIORITY', '4'],
        ['SYSLOG_IDENTIFIER', 'me'],
        ['MESSAGE_ID', 'a596d6fe7bfa4994828e72309e95d61e'],
        ['A', '1'],
        ['B_2', 'x'],
      ],
    ],
    [
      'every type of value',
      `{ message: '', priority: 0, fields: { S: '', N: -1.5, I: 2n ** 70n, T: true, U: undefined, O: null, L: ['a', 1, 'a'], B: new Uint8Array([104, 10, 105]) } }`,
      [
        ['MESSAGE', ''],
        ['PRIORITY', '0'],
        ['SYSLOG_IDENTIFIER', 'node'],
        ['S', ''],
        ['N', '-1.5'],
        ['I', '1180591620717411303424'],
        ['T', 'true'],
        ['L', 'a'],
        ['L', '1'],
        ['L', 'a'],
        ['B', 'h\ni'],
      ],
    ],
    [
      'line breaks, null bytes and half characters, which forge nothing',
      String.raw`{ message: 'a\nPRIORITY=0\n', identifier: 'x\nMESSAGE=y', fields: { Z: 'a\0b', E: '\ud800', M: '\n' } }`,
      [
        ['MESSAGE', 'a\nPRIORITY=0\n'],
        ['PRIORITY', '6'],
        ['SYSLOG_IDENTIFIER', 'x\nMESSAGE=y'],
        ['Z', 'a\0b'],
        ['E', '\ufffd'],
        ['M', '\n'],
      ],
    ],
  ])('has %s', async (_what, entry, fields) => {
    const source = `say(journal.send(${entry})); say(await receiver.take());`;
    expect(await withReceiver(source)).toEqual([true, [{ fields }]]);
  });

  test('has the fields and the identifier of its journal, and may have its own identifier', async () => {
    const source = `
      const mine = createJournal({ identifier: 'mine', fields: { UNIT_OF_WORK: 'a\\nb', K: [1, 2] } });
      mine.send({ message: 'one', fields: { K: 3 } });
      mine.send({ message: 'two', identifier: 'other' });
      say(await receiver.take());`;
    const common = [
      ['UNIT_OF_WORK', 'a\nb'],
      ['K', '1'],
      ['K', '2'],
    ];
    const named = (identifier: string) => [
      ['PRIORITY', '6'],
      ['SYSLOG_IDENTIFIER', identifier],
    ];
    expect(await withReceiver(source)).toEqual([
      [
        { fields: [...common, ['MESSAGE', 'one'], ...named('mine'), ['K', '3']] },
        { fields: [...common, ['MESSAGE', 'two'], ...named('other')] },
      ],
    ]);
  });

  test('of an error has its facts and its causes, and the priority err', async () => {
    const source = `
      const cause = Object.assign(new TypeError('inner'), { stack: 'TypeError: inner\\n    at x' });
      const error = Object.assign(new Error('outer', { cause }), { code: 'ENOENT', errno: -2, stack: 'Error: outer\\n    at y' });
      journal.send({ error });
      journal.send({ message: 'Failed', priority: 'crit', error: 'text' });
      say((await receiver.take()).map(({ fields }) => Object.fromEntries(fields)));`;
    expect(await withReceiver(source)).toEqual([
      [
        {
          MESSAGE: 'outer',
          PRIORITY: '3',
          SYSLOG_IDENTIFIER: 'node',
          ERROR_TYPE: 'Error',
          ERROR_MESSAGE: 'outer',
          ERROR_CODE: 'ENOENT',
          ERRNO: '2',
          ERROR_STACK: 'Error: outer\n    at y\nCaused by: TypeError: inner\n    at x',
        },
        { MESSAGE: 'Failed', PRIORITY: '2', SYSLOG_IDENTIFIER: 'node', ERROR_MESSAGE: 'text' },
      ],
    ]);
  });

  test('of a hostile error throws nothing', async () => {
    const source = `
      const throwing = new Proxy(new Error('x'), { get() { throw new Error('trap'); }, getPrototypeOf() { return Error.prototype; } });
      const { proxy: revoked, revoke } = Proxy.revocable({}, {});
      revoke();
      const circle = new Error('circle');
      circle.cause = circle;
      const errors = [throwing, revoked, circle, Object.create(null), Symbol('s'), null, 0, () => {}];
      say(errors.map((error) => journal.send({ message: 'm', error })));
      const stacks = await receiver.values('ERROR_STACK');
      say([stacks.length, stacks[2].split('Caused by: ').length]);`;
    expect(await withReceiver(source)).toEqual([Array(8).fill(true), [8, 9]]);
  });

  test('has the place of its call with `location`', async () => {
    const source = `
      const placed = createJournal({ location: true });
      const inFunction = () => placed.send({ message: 'here' });
      inFunction();
      const { prepareStackTrace } = Error;
      const [{ fields }] = await receiver.take();
      const all = Object.fromEntries(fields);
      say([all.CODE_FILE.includes('eval'), Number(all.CODE_LINE) > 0, all.CODE_FUNC, prepareStackTrace === Error.prepareStackTrace]);`;
    expect(await withReceiver(source)).toEqual([[true, true, 'inFunction', true]]);
  });

  test('of more bytes than a datagram has comes as a sealed memory file', async () => {
    const source = `
      const sizes = [100_000, 9_000_000, 20_000_000];
      for (const size of sizes) say(journal.send({ message: 'x'.repeat(size), fields: { AFTER: 'é\\n' } }));
      const taken = await receiver.take();
      say(taken.map(({ fields, seals }) => [fields[0][1].length, fields[3][1], seals ?? 0]));`;
    expect(await withReceiver(source)).toEqual([
      ...[true, true, true],
      [
        [100_000, 'é\n', 0],
        [9_000_000, 'é\n', 15],
        [20_000_000, 'é\n', 15],
      ],
    ]);
  });

  test('of more than 32 MiB is dropped, counted, and told in a warning', async () => {
    const source = `
      say(journal.send({ message: 'x'.repeat(33_554_432) }));
      say(journal.dropped);
      say(journal.send({ message: 'next' }));
      await until(() => warnings.length > 0);
      say(warnings);`;
    const said = await withReceiver(source);
    expect(said).toEqual([
      false,
      1,
      true,
      [
        {
          code: 'ERR_SYSTEMD_JOURNAL',
          message: expect.stringMatching(
            /^1 entry was dropped, .*: it has 335544\d\d bytes, and journald takes 33554432$/,
          ),
        },
      ],
    ]);
  });
});

describe.concurrent('a program', () => {
  test('without a journal gets false, and does not load the add-on', async () => {
    const source = `
      say([journal.send({ message: 'x' }), journal.send({ error: new Error('x') }), await journal.flush()]);
      say([journal.waiting, journal.dropped, journal.isStream(1), process.report.getReport().sharedObjects.filter((path) => path.includes('libsystemd'))]);`;
    expect(await inPrivateRun(source)).toMatchObject({
      said: [
        [false, false, true],
        [0, 0, false, []],
      ],
      stderr: '',
    });
  });

  test('whose journal is a path without a receiver gets false', async () => {
    const source = `await receiver.tell('close'); say([journal.send({ message: 'x' }), journal.waiting]);`;
    expect(await withReceiver(source)).toEqual([[false, 0]]);
  });

  test('whose journal comes later finds it', async () => {
    const source = `
      say(journal.send({ message: 'early' }));
      const receiver = await Receiver.start();
      say(journal.send({ message: 'late' }));
      say(await receiver.values('MESSAGE'));
      await receiver.end();`;
    expect((await inPrivateRun(source)).said).toEqual([false, true, ['late']]);
  });

  test.each([
    ['is bound anew', `await receiver.tell('close'); await receiver.tell('bind');`, ''],
    ['is away for a while', `await receiver.tell('close');`, `await receiver.tell('bind');`],
    [
      'has no path for a while',
      `await receiver.tell('close'); await receiver.tell('remove');`,
      `await receiver.tell('bind');`,
    ],
  ])('loses nothing when the receiver %s', async (_how, before, after) => {
    const source = `
      journal.send({ message: '0' });
      say(await receiver.values('MESSAGE'));
      ${before}
      say([1, 2, 3].map((message) => journal.send({ message: String(message) })));
      ${after}
      say(await journal.flush({ timeout: 60_000 }));
      journal.send({ message: '4' });
      say(await receiver.values('MESSAGE'));
      say([journal.waiting, journal.dropped]);`;
    expect(await withReceiver(source)).toEqual([
      ['0'],
      [true, true, true],
      true,
      ['1', '2', '3', '4'],
      [0, 0],
    ]);
  });

  test('whose socket is closed by other code sends from another one, and to no other file', async () => {
    const source = `
      import { closeSync, openSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
      const isSocket = (fd) => { try { return readlinkSync('/proc/self/fd/' + fd).startsWith('socket:'); } catch { return false; } };
      const fds = () => readdirSync('/proc/self/fd').map(Number).filter(isSocket);
      const before = fds();
      journal.send({ message: '1' });
      const [fd] = fds().filter((one) => !before.includes(one));
      closeSync(fd);
      const file = openSync('/run/file', 'w');
      say(file === fd);
      journal.send({ message: '2' });
      say([readFileSync('/run/file', 'utf8'), await receiver.values('MESSAGE')]);`;
    expect(await withReceiver(source)).toEqual([true, ['', ['1', '2']]]);
  });

  test('of which two copies of the package are loaded sends from one socket, in one order', async () => {
    const source = `
      import { createRequire } from 'node:module';
      const { journal: other } = createRequire(process.cwd() + '/')('libsystemd/journal');
      for (let i = 0; i < 600; i++) (i % 2 ? other : journal).send({ message: String(i) });
      const flushed = other.flush({ timeout: 60_000 });
      say([...await receiver.values('MESSAGE', 600)].every((message, i) => message === String(i)));
      say([await flushed, journal.waiting, other.waiting]);`;
    expect(await withReceiver(source)).toEqual([true, [true, 0, 0]]);
  });

  test('in a worker thread sends too, and at its end', async () => {
    const source = `
      import { Worker } from 'node:worker_threads';
      import { once } from 'node:events';
      const code = "import('libsystemd/journal').then(({ journal }) => { for (let i = 0; i < 3; i++) journal.send({ message: 'of a thread' }); })";
      await once(new Worker(code, { eval: true }), 'exit');
      say(await receiver.values('MESSAGE'));`;
    expect(await withReceiver(source)).toEqual([Array(3).fill('of a thread')]);
  });
});

describe.concurrent('while the receiver does not read', () => {
  /** More than fit into the queue of the socket. */
  const MANY = 2_000;

  test('entries wait, in their order, and flush() tells when they have gone', async () => {
    const source = `
      const all = Array.from({ length: ${MANY} }, (_, i) => String(i));
      say(all.every((message) => journal.send({ message })));
      say([journal.waiting > 0, await journal.flush({ timeout: 1 })]);
      const flushed = journal.flush({ timeout: 60_000 });
      const taken = await receiver.values('MESSAGE', ${MANY});
      say([JSON.stringify(taken) === JSON.stringify(all), await flushed, journal.waiting, journal.dropped]);`;
    expect(await withReceiver(source)).toEqual([true, [true, false], [true, true, 0, 0]]);
  });

  test.each([
    [`{ maxWaiting: 10 }`, 10],
    [`{ full: 'drop' }`, 0],
    [`{ maxWaiting: 0 }`, 0],
  ])('with %s no more than that wait, and a warning tells of the others', async (options, most) => {
    const source = `
      const mine = createJournal(${options});
      const sent = Array.from({ length: ${MANY} }, (_, i) => mine.send({ message: String(i) }));
      const accepted = sent.filter(Boolean).length;
      say([mine.waiting, accepted + mine.dropped, sent.slice(0, accepted).every(Boolean), journal.dropped]);
      const taken = await receiver.values('MESSAGE', accepted);
      await mine.flush({ timeout: 60_000 });
      await until(() => mine.send({ message: 'again' }));
      await until(() => warnings.length > 0);
      say([taken.at(-1) === String(accepted - 1), mine.waiting, warnings.map(({ code, message }) => [code, message === mine.dropped + ' entries were dropped, and will not be in the journal: systemd-journald did not read'])]);`;
    const said = await withReceiver(source);
    expect(said).toEqual([
      [most, MANY, true, 0],
      [true, 0, [['ERR_SYSTEMD_JOURNAL', true]]],
    ]);
  });

  test('one journal that is full takes no place from another', async () => {
    const source = `
      const small = createJournal({ maxWaiting: 1 });
      for (let i = 0; i < ${MANY}; i++) small.send({ message: 'small' });
      say([small.waiting, small.dropped > 0, journal.send({ message: 'other' }), journal.waiting, journal.dropped]);
      await receiver.values('MESSAGE', ${MANY} - small.dropped + 1);`;
    const said = await withReceiver(source);
    expect(said).toEqual([[1, true, true, 1, 0]]);
  });

  test('at most 64 MiB wait', async () => {
    const source = `
      for (let i = 0; i < ${MANY}; i++) journal.send({ message: 'small' });
      const large = 'x'.repeat(20 * 1024 * 1024);
      say([1, 2, 3, 4].map(() => journal.send({ message: large })));
      say(journal.dropped);
      receiver.values('MESSAGE', ${MANY} + 3).then((values) => say(values.length));
      say(await journal.flush({ timeout: 60_000 }));`;
    const said = await withReceiver(source);
    expect(said.slice(0, 2)).toEqual([[true, true, true, false], 1]);
    expect(said).toContain(MANY + 3);
  });

  test('a program that ends loses what does not fit, and says how many', async () => {
    const source = `
      const receiver = await Receiver.start();
      for (let i = 0; i < ${MANY}; i++) journal.send({ message: String(i) });
      const { waiting } = journal;
      process.on('exit', () => say([waiting, journal.dropped, journal.waiting, warnings.at(-1)]));
      process.exit();`;
    const { said } = await inPrivateRun(source);
    const [[waiting, dropped, left, warning]] = said as [[number, number, number, object]];
    expect([dropped, left]).toEqual([waiting, 0]);
    expect(warning).toEqual({
      code: 'ERR_SYSTEMD_JOURNAL',
      message: `${waiting} entries were dropped, and will not be in the journal: systemd-journald did not read`,
    });
  });

  test('a program that ends loses nothing when the receiver reads', async () => {
    const source = `
      import { spawn } from 'node:child_process';
      const receiver = await Receiver.start();
      const taken = receiver.values('MESSAGE', ${MANY});
      for (let i = 0; i < ${MANY}; i++) journal.send({ message: String(i) });
      process.on('exit', () => say([journal.dropped, journal.waiting, warnings.length]));
      process.exit();`;
    expect((await inPrivateRun(source)).said).toEqual([[0, 0, 0]]);
  });

  test('a program that ends loses nothing when it gets a signal meanwhile', async () => {
    const source = `
      import { spawn } from 'node:child_process';
      const receiver = await Receiver.start();
      process.on('SIGTERM', () => {});
      process.kill(receiver.pid, 'SIGSTOP');
      receiver.take(${MANY});
      for (let i = 0; i < ${MANY}; i++) journal.send({ message: String(i) });
      const later = 'sleep 0.3; kill -TERM $0; sleep 0.3; kill -CONT $1';
      spawn('sh', ['-c', later, process.pid, receiver.pid], { stdio: 'ignore' });
      const { waiting } = journal;
      process.on('exit', () => say([waiting > 0, journal.waiting, journal.dropped]));
      process.exit();`;
    expect((await inPrivateRun(source)).said).toEqual([[true, 0, 0]]);
  });

  test('a listener for warnings that sends them is told of the losses once', async () => {
    const source = `
      let told = 0;
      process.on('warning', ({ message }) => { told++; journal.send({ message }); });
      journal.send({ message: 'x' });
      await receiver.tell('close');
      receiver.unref();
      journal.send({ message: 'y' });
      process.on('exit', () => say([told, journal.dropped, journal.waiting]));
      process.exit();`;
    expect(await withReceiver(source)).toEqual([[1, 2, 0]]);
  });

  test('what is sent in a listener of "exit" is sent as well', async () => {
    const source = `
      const receiver = await Receiver.start();
      journal.send({ message: 'before' });
      process.on('exit', () => say(journal.send({ message: 'at exit' })));
      say(await receiver.values('MESSAGE'));
      process.exit();`;
    expect((await inPrivateRun(source)).said).toEqual([['before'], true]);
  });

  test('a program that ends does not wait once more for each entry that it sends meanwhile', async () => {
    const source = `
      const receiver = await Receiver.start();
      for (let i = 0; i < ${MANY}; i++) journal.send({ message: String(i) });
      receiver.unref();
      process.on('exit', () => {
        const { dropped } = journal;
        const begun = performance.now();
        for (let i = 0; i < 20; i++) journal.send({ message: 'at exit' });
        say([performance.now() - begun < 9_000, journal.dropped - dropped, journal.waiting]);
      });
      process.exit();`;
    expect((await inPrivateRun(source)).said).toEqual([[true, 20, 0]]);
  });

  test('waiting entries keep a process alive only for a while', async () => {
    const source = `
      const receiver = await Receiver.start();
      for (let i = 0; i < ${MANY}; i++) journal.send({ message: String(i) });
      receiver.unref();
      process.on('exit', () => say([journal.dropped > 0, journal.waiting]));`;
    expect((await inPrivateRun(source)).said).toEqual([[true, 0]]);
  });
});

describe.concurrent('a process', () => {
  test('without a free descriptor lets entries wait', async () => {
    const source = `
      import { openSync, closeSync } from 'node:fs';
      const opened = [];
      try { for (;;) opened.push(openSync('/dev/null')); } catch {}
      say([journal.send({ message: 'waits' }), journal.waiting]);
      for (const fd of opened) closeSync(fd);
      say([await journal.flush({ timeout: 60_000 }), await receiver.values('MESSAGE')]);`;
    const through = ['prlimit', '--nofile=64:64'];
    expect(await withReceiver(source, { through })).toEqual([
      [true, 1],
      [true, ['waits']],
    ]);
  });

  test('whose standard input is closed does not send from its number', async () => {
    const source = `
      import { closeSync, existsSync } from 'node:fs';
      closeSync(0);
      say([journal.send({ message: 'x' }), existsSync('/proc/self/fd/0')]);`;
    expect(await withReceiver(source)).toEqual([[true, false]]);
  });
});
