// readJournal() on the journal of a real journald.
import { describe, expect, test } from 'vitest';
import { describeInBed } from './bed.ts';

const printer = (text: string) => `[Service]\nType=oneshot\nExecStart=/bin/echo ${text}\n`;

const UNITS = { 'first.service': printer('by first'), 'second.service': printer('by second') };

const PRELUDE = `
  import { execFileSync } from 'node:child_process';
  import { readFileSync } from 'node:fs';
  import { setTimeout as sleep } from 'node:timers/promises';
  import { createJournal, readJournal } from 'libsystemd/journal';
  const all = async (options) => {
    const records = [];
    for await (const record of readJournal(options)) records.push(record);
    return records;
  };
  const write = async (identifier, ...entries) => {
    const journal = createJournal({ identifier });
    for (const entry of entries) journal.send(entry);
    await journal.flush();
    execFileSync('journalctl', ['--sync']);
  };
  const messages = (records) => records.map(({ fields }) => fields.get('MESSAGE'));
  const by = (name) => ({ SYSLOG_IDENTIFIER: name });
  // The children of this process.
  const children = () =>
    readFileSync('/proc/self/task/' + process.pid + '/children', 'utf8').split(' ').filter(Boolean);
  const outcome = (promise) =>
    promise.then((value) => ({ value }), ({ name, code, message }) => ({ name, code, message }));
`;

describeInBed('readJournal()', [UNITS], (bed) => {
  const evaluate = <T>(source: string) => bed().evaluate<T>(`${PRELUDE}\n${source}`);

  test('reads every value byte for byte: lines, null bytes, no UTF-8, 2 MB, several of one name', async () => {
    const [record] = await evaluate<[Record<string, string[]>]>(`
      const values = {
        A: ['two\\nlines\\0', 'Grüße', ''],
        B: [Buffer.from([0xff, 0, 0x0a, 0xfe])],
        C: ['x'.repeat(2_000_000)],
        D: ['y\\n'.repeat(1_000_000)],
        E: ['=', '__CURSOR=forged\\n\\nMESSAGE=forged'],
      };
      await write('bytes', { message: 'whole', fields: values });
      const records = await all({ match: by('bytes') });
      const hex = (value) => Buffer.from(value).toString('hex');
      const same = ([name, list]) => {
        const read = [records[0].fields.get(name)].flat().map(hex).sort();
        return [name, String(read) === String(list.map(hex).sort())];
      };
      result([Object.fromEntries(Object.entries(values).map(same)), records.length]);`);
    expect(record).toEqual({ A: true, B: true, C: true, D: true, E: true });
  });

  test('has the cursor and times of an entry, and fields of journald', async () => {
    const [began, ended, record] = await evaluate<[number, number, Record<string, unknown>]>(`
      const began = Date.now();
      await write('times', { message: 'x' });
      const [{ cursor, time, realtime, monotonic, fields }] = await all({ match: by('times') });
      result([began, Date.now(), {
        cursor, time: time.getTime(), realtime: String(realtime), monotonic: String(monotonic),
        pid: fields.get('_PID') === String(process.pid), names: [...fields.keys()],
      }]);`);
    expect(record['cursor']).toMatch(/^s=.*;i=/);
    expect(record['time']).toBeGreaterThanOrEqual(began - 1);
    expect(record['time']).toBeLessThanOrEqual(ended + 1);
    expect(String(record['realtime']).slice(0, -3)).toBe(String(record['time']));
    expect(Number(record['monotonic'])).toBeGreaterThan(0);
    expect(record['pid']).toBe(true);
    expect((record['names'] as string[]).filter((name) => name.startsWith('__'))).toEqual([]);
  });

  test('entries of a unit, with a type or without, or of several', async () => {
    await bed().systemctl('start', 'first', 'second');
    await bed().run('journalctl', '--sync');
    const read = await evaluate<string[][]>(`
      const echoed = async (unit) =>
        messages(await all({ unit })).filter((text) => text.startsWith('by '));
      result([await echoed('first'), await echoed('second.service'),
        (await echoed(['first', 'second'])).sort(), await echoed('--help'), await echoed('absent')]);`);
    expect(read).toEqual([['by first'], ['by second'], ['by first', 'by second'], [], []]);
  });

  test('a value that looks like an option, a path or an "or" is a value', async () => {
    const values = ['--help', '-f', '/bin/sh', '+', 'a=b', 'two\nlines', '*', '', '$HOME'];
    const read = await evaluate<string[][]>(`
      const values = ${JSON.stringify(values)};
      await write('injection', ...values.map((value) => ({ message: value || 'empty', fields: { VALUE: value } })));
      const found = [];
      for (const value of values) found.push(messages(await all({ match: { VALUE: value } })));
      result([...found, messages(await all({ match: { VALUE: ['-f', '+'], ...by('injection') } }))]);`);
    expect(read).toEqual([...values.map((value) => [value || 'empty']), ['-f', '+']]);
  });

  test('priority, since, after, last and fields choose', async () => {
    const read = await evaluate<unknown[]>(`
      const entry = (message, priority) => ({ message, priority });
      await write('choice', entry('a', 'err'), entry('b', 'debug'), entry('c', 'crit'));
      await sleep(5);
      const since = new Date();
      await write('choice', entry('d', 'info'), entry('e', 'warning'));
      const match = by('choice');
      const records = await all({ match });
      const [only] = await all({ match, last: 1, fields: ['MESSAGE', 'PRIORITY'] });
      result([
        messages(records),
        messages(await all({ match, priority: 'err' })),
        messages(await all({ match, priority: 4 })),
        messages(await all({ match, since })),
        messages(await all({ match, after: records[1].cursor })),
        messages(await all({ match, after: records[4].cursor })),
        messages(await all({ match, last: 2 })),
        messages(await all({ match, last: 0 })),
        [...only.fields.keys()].sort(),
      ]);`);
    expect(read).toEqual([
      ['a', 'b', 'c', 'd', 'e'],
      ['a', 'c'],
      ['a', 'c', 'e'],
      ['d', 'e'],
      ['c', 'd', 'e'],
      [],
      ['d', 'e'],
      [],
      ['MESSAGE', 'PRIORITY', '_BOOT_ID'],
    ]);
  });

  describe('follow', () => {
    test('goes on with new entries, and `break` ends journalctl', async () => {
      const read = await evaluate<unknown[]>(`
        await write('follow', ...Array.from({ length: 12 }, (_, i) => ({ message: 'old ' + i })));
        const read = [];
        for await (const { fields } of readJournal({ match: by('follow'), follow: true })) {
          read.push(fields.get('MESSAGE'));
          if (read.length === 12) await write('follow', { message: 'new' });
          if (read.length === 13) break;
        }
        result([read, children()]);`);
      const old = Array.from({ length: 12 }, (_, i) => `old ${i}`);
      expect(read).toEqual([[...old, 'new'], []]);
    });

    test('last: 0 has only what is new; an abort while it waits rejects with the reason, and ends journalctl', async () => {
      const read = await evaluate<unknown[]>(`
        await write('abort', { message: 'old' });
        const controller = new AbortController();
        const reader = readJournal({ match: by('abort'), follow: true, last: 0, signal: controller.signal });
        let timer;
        const first = reader.next();
        // Until journalctl follows, an entry may come too early for it.
        const send = async () => { await write('abort', { message: 'new' }); timer = setTimeout(send, 100); };
        await send();
        const { value } = await first;
        clearTimeout(timer);
        const rejected = (async () => { for (;;) await reader.next(); })().catch((error) => error.message);
        await sleep(50);
        const during = children().length;
        controller.abort(new Error('enough'));
        result([value.fields.get('MESSAGE'), during, await rejected, children(), await reader.next()]);`);
      expect(read).toEqual(['new', 1, 'enough', [], { done: true }]);
    });

    test('return() ends a next() that waits, and so does `await using`', async () => {
      const read = await evaluate<unknown[]>(`
        const options = { match: by('nobody'), follow: true };
        const reader = readJournal(options);
        const next = reader.next();
        await sleep(50);
        const during = children().length;
        const returned = await reader.return();
        const other = readJournal(options);
        const waiting = other.next();
        await other[Symbol.asyncDispose]();
        result([during, returned, await next, await waiting, children()]);`);
      const done = { done: true };
      expect(read).toEqual([1, done, done, done, []]);
    });
  });

  test('waits for a slow reader, and loses nothing: 20,000 entries', async () => {
    const [first, waits, count, inOrder, left] = await evaluate<unknown[]>(`
      const journal = createJournal({ identifier: 'many', maxWaiting: 20_000 });
      for (let i = 0; i < 20_000; i++) journal.send({ message: String(i), fields: { FILLING: 'x'.repeat(500) } });
      await journal.flush({ timeout: 100_000 });
      execFileSync('journalctl', ['--sync']);
      const reader = readJournal({ match: by('many') });
      const { value } = await reader.next();
      // journalctl has written what fits into the pipe, and sleeps there.
      const [pid] = children();
      const written = () => readFileSync('/proc/' + pid + '/io', 'utf8').match(/wchar: (\\d+)/)[1];
      let before;
      do { before = written(); await sleep(200); } while (written() !== before);
      const waits = Number(before) < 1_000_000;
      let count = 1;
      let inOrder = true;
      for await (const { fields } of reader) inOrder &&= fields.get('MESSAGE') === String(count++);
      result([value.fields.get('MESSAGE'), waits, count, inOrder, children()]);`);
    expect([first, waits, count, inOrder, left]).toEqual(['0', true, 20_000, true, []]);
  });

  test('several calls of next() at once are answered in their order', async () => {
    const read = await evaluate<unknown[]>(`
      await write('order', ...Array.from({ length: 5 }, (_, i) => ({ message: String(i) })));
      const reader = readJournal({ match: by('order') });
      const answers = await Promise.all(Array.from({ length: 7 }, () => reader.next()));
      result(answers.map(({ value }) => value?.fields.get('MESSAGE') ?? null));`);
    expect(read).toEqual(['0', '1', '2', '3', '4', null, null]);
  });

  describe('rejects', () => {
    test('with what journalctl says, where this user may read nothing', async () => {
      const read = await evaluate<unknown>(`
        process.setgroups([]); process.setgid(65534); process.setuid(65534);
        result([await outcome(all()), children()]);`);
      expect(read).toEqual([
        {
          name: 'SystemdError',
          code: 'ERR_SYSTEMD_JOURNALCTL',
          message: expect.stringMatching(/^journalctl has ended with code 1: .*permission/),
        },
        [],
      ]);
    });

    test('when journalctl is killed, also in the middle of an entry', async () => {
      const read = await evaluate<unknown>(`
        await write('killed', ...Array.from({ length: 50 }, () => ({ message: 'x'.repeat(100_000) })));
        const reader = readJournal({ match: by('killed') });
        await reader.next();
        process.kill(Number(children()[0]), 'SIGKILL');
        const rest = (async () => { for await (const _ of reader); })();
        result([await outcome(rest), await reader.next(), children()]);`);
      expect(read).toEqual([
        {
          name: 'SystemdError',
          code: 'ERR_SYSTEMD_JOURNALCTL',
          message: 'journalctl was ended by SIGKILL',
        },
        { done: true },
        [],
      ]);
    });

    test('for a cursor of nothing', async () => {
      const read = await evaluate<unknown>(`result(await outcome(all({ after: 'bad' })));`);
      expect(read).toMatchObject({
        code: 'ERR_SYSTEMD_JOURNALCTL',
        message: expect.stringMatching(/cursor/),
      });
    });

    test('with EMFILE when no descriptor is left, and reads when there is one', async () => {
      const read = await evaluate<unknown>(`
        import { closeSync, openSync } from 'node:fs';
        const fds = [];
        try { for (;;) fds.push(openSync('/dev/null')); } catch {}
        const none = await outcome(all({ last: 1 }));
        for (const fd of fds) closeSync(fd);
        result([none.code, (await all({ last: 1 })).length]);`);
      expect(read).toEqual(['EMFILE', 1]);
    });
  });
});
