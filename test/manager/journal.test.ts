// libsystemd/journal to a real journald: what it stores, and what happens while it is stopped, hung or restarted.
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fieldName, isReserved } from '../../lib/journal/field-names.ts';
import { parseEntries } from '../journal/parse-entry.mjs';
import { LONG } from '../support/long.ts';
import { describeInBed, puppet, service } from './bed.ts';

const UNITS = {
  'writer.service': puppet(),
  'hung.service': puppet(),
  'restarted.service': puppet(),
  'stopped.service': puppet(),
  'user.service': service(
    'puppet.mjs /run/of-user/x.puppet',
    'User=nobody',
    'RuntimeDirectory=of-user',
  ),
  'limited.service': puppet('LogRateLimitIntervalSec=1h', 'LogRateLimitBurst=10'),
  'namespace.service': puppet('LogNamespace=apart'),
  'no-unix.service': [
    '[Service]',
    'Type=oneshot',
    'RestrictAddressFamilies=AF_INET AF_NETLINK',
    'WorkingDirectory=/opt',
    `ExecStart=/usr/bin/node -e "import('libsystemd/journal').then(({ journal }) => console.log('sent', journal.send({ message: 'x' }), journal.waiting))"`,
    '',
  ].join('\n'),
  'memory.service': puppet('SystemCallFilter=~memfd_create', 'SystemCallErrorNumber=EPERM'),
};

const JOURNALD = [
  'systemd-journald.socket',
  'systemd-journald-dev-log.socket',
  'systemd-journald.service',
];

/** Lines that the code of each service begins with. */
const PRELUDE = `
  const { createJournal, journal } = require('libsystemd/journal');
  keep.warnings ??= [];
  if (!keep.listens) { keep.listens = true; process.on('warning', ({ code }) => keep.warnings.push(code)); }
  const sendAll = (count, to = journal) => Array.from({ length: count }, (_, i) => to.send({ message: String(i) })).filter(Boolean).length;
`;

/** A field as it is compared: its bytes as hexadecimal digits, because not all are text. */
type Field = readonly [name: string, hex: string];

const hex = (value: string | Uint8Array) => Buffer.from(value as string).toString('hex');

/** Without fields that say who sent it, and when, which are journald's. */
const isOurs = ([name]: Field) => !name.startsWith('_') && name !== 'PRIORITY';

describeInBed('the journal', [UNITS], (bed) => {
  const run = <T>(unit: string, source: string) =>
    bed().runInService<T>(unit, `${PRELUDE}\n${source}`);

  /** The entries that match, as journalctl exports them. */
  async function entries(...args: readonly string[]): Promise<Field[][]> {
    await bed().run('journalctl', '--sync');
    const write = 'journalctl --all --output=export "$@" > /run/export';
    await bed().run('sh', '-c', write, 'sh', ...args);
    return parseEntries(readFileSync(bed().path('/run/export')));
  }

  async function messages(...args: readonly string[]): Promise<string[]> {
    const all = await entries(...args);
    const texts = all.map((fields) => fields.find(([name]) => name === 'MESSAGE')?.[1] ?? '');
    return texts.map((digits) => Buffer.from(digits, 'hex').toString());
  }

  const numbers = (count: number) => Array.from({ length: count }, (_, i) => String(i));

  test('stores every field byte for byte, whatever is in it', async () => {
    await bed().systemctl('start', 'writer.service');
    const name = fc.oneof(
      fc.stringMatching(/^[A-Z][A-Z\d_]{0,63}$/).filter((one) => !isReserved(one)),
      fc
        .string({ unit: 'binary' })
        .map(fieldName)
        .filter((one) => !isReserved(one)),
    );
    const text = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 300 }),
      fc.string({ unit: fc.constantFrom('\n', '\0', '=', 'A', '\u001b', 'é', '\ud800') }),
      fc.constantFrom('\nPRIORITY=0\nMESSAGE=forged\n', 'A=B', '', '\n', 'x'.repeat(70_000)),
    );
    const value = fc.oneof(text, fc.uint8Array({ maxLength: 300 }));
    const entry = fc.record({
      message: text,
      identifier: text,
      fields: fc.dictionary(name, fc.oneof(value, fc.array(value, { maxLength: 4 })), {
        maxKeys: 20,
        noNullPrototype: true,
      }),
    });
    const sent = fc.sample(entry, LONG ? 2_000 : 200);
    await run(
      'writer',
      `const entries = ${JSON.stringify(sent, (_key, one) => (one instanceof Uint8Array ? { bytes: [...one] } : one))};
      const revive = (one) => Array.isArray(one) ? one.map(revive) : typeof one === 'object' ? new Uint8Array(one.bytes) : one;
      entries.forEach((entry, i) => {
        const fields = Object.fromEntries(Object.entries(entry.fields).map(([name, value]) => [name, revive(value)]));
        const isSent = journal.send({ ...entry, fields, messageId: 'c1'.repeat(16), error: undefined });
        if (!isSent) throw new Error('not sent');
      });
      return await journal.flush({ timeout: 60_000 });`,
    );
    const stored = (await entries(`MESSAGE_ID=${'c1'.repeat(16)}`)).map((fields) =>
      [...new Set(fields.filter(isOurs).map(String))].sort(),
    );
    const expected = sent.map(({ message, identifier, fields }) => {
      const pairs: Field[] = Object.entries(fields).flatMap(([field, values]) =>
        [values].flat().map((one): Field => [field, hex(one as string | Uint8Array)]),
      );
      const own: Field[] = [
        ['MESSAGE', hex(message)],
        ['MESSAGE_ID', hex('c1'.repeat(16))],
        ['SYSLOG_IDENTIFIER', hex(identifier)],
      ];
      return [...new Set([...own, ...pairs].map(String))].sort();
    });
    expect(stored).toEqual(expected);
  });

  test('has priorities, so that journalctl finds what failed', async () => {
    await run(
      'writer',
      `for (const priority of ['debug', 'info', 'warning', 'err', 'crit']) journal.send({ message: priority, priority, identifier: 'priorities' });
      journal.send({ error: new Error('of an error'), identifier: 'priorities' });`,
    );
    expect(await messages('-t', 'priorities', '-p', 'err')).toEqual(['err', 'crit', 'of an error']);
    expect(await messages('-t', 'priorities', '-p', 'info')).toHaveLength(5);
    expect(await messages('-u', 'writer', '-t', 'priorities')).toHaveLength(6);
  });

  test('has what the console prints, with priorities, in one piece', async () => {
    await run(
      'writer',
      `const { journalConsole } = require('libsystemd/journal');
      console.error('before');
      const journaled = journalConsole();
      console.error('an error\\nof two lines');
      console.log('a line');
      journaled.restore();`,
    );
    expect(await messages('-u', 'writer', '-p', 'err', '-t', 'node')).toContain(
      'an error\nof two lines',
    );
    const lines = await messages('-u', 'writer', '_TRANSPORT=stdout');
    expect(lines).toContain('before');
    expect(lines).not.toContain('a line');
  });

  test('has the priorities of prefixes on each line, also of a very long one', async () => {
    await run(
      'writer',
      `const { levelPrefix } = require('libsystemd/journal');
      process.stderr.write(levelPrefix('crit', 'first\\nsecond\\n' + 'x'.repeat(100_000) + '\\n'));`,
    );
    const lines = await messages('-u', 'writer', '-p', '2..2', '_TRANSPORT=stdout');
    expect(lines.slice(0, 2)).toEqual(['first', 'second']);
    expect(lines.slice(2).join('').length).toBe(100_000);
  });

  test('takes a long entry of an ordinary user, as a sealed memory file', async () => {
    await bed().systemctl('start', 'user.service');
    const uid = await run<number>(
      'of-user/x',
      `journal.send({ message: 'long', identifier: 'of-user', fields: { LONG: 'é\\n'.repeat(1_000_000) } });
      await journal.flush();
      return process.getuid();`,
    );
    expect(uid).toBeGreaterThan(0);
    const [entry] = await entries('-t', 'of-user');
    const [, long] = entry?.find(([name]) => name === 'LONG') ?? [];
    expect(long === hex('é\n'.repeat(1_000_000))).toBe(true);
  });

  test('has nothing lost of a hung journald, and no call waits for it', async () => {
    await bed().systemctl('start', 'hung.service');
    await run('hung', `journal.send({ message: 'first' });`);
    await bed().systemctl('kill', '--signal=STOP', 'systemd-journald.service');
    const hung = await run<unknown>(
      'hung',
      `return [sendAll(3_000), journal.waiting > 1_000, journal.dropped, await journal.flush({ timeout: 1 })];`,
    );
    await bed().systemctl('kill', '--signal=CONT', 'systemd-journald.service');
    const flushed = `return [await journal.flush({ timeout: 60_000 }), journal.waiting, journal.dropped];`;
    expect(hung).toEqual([3_000, true, 0, false]);
    expect(await run('hung', flushed)).toEqual([true, 0, 0]);
    expect(await messages('-u', 'hung', '-t', 'node')).toEqual(['first', ...numbers(3_000)]);
  });

  test('has nothing lost over restarts', async () => {
    await bed().systemctl('start', 'restarted.service');
    await run(
      'restarted',
      `let count = 0;
      keep.timer = setInterval(() => { for (let i = 0; i < 20; i++) journal.send({ message: String(count++) }); }, 5);
      keep.end = async () => { clearInterval(keep.timer); return [await journal.flush({ timeout: 60_000 }), count, journal.dropped]; };`,
    );
    for (let i = 0; i < 3; i++) await bed().systemctl('restart', 'systemd-journald.service');
    const end = await run<[boolean, number, number]>('restarted', 'return keep.end();');
    const [flushed, count, dropped] = end;
    expect([flushed, count > 0, dropped]).toEqual([true, true, 0]);
    expect(await messages('-u', 'restarted', '-t', 'node')).toEqual(numbers(count));
  });

  test('has what was sent while journald and its sockets were stopped', async () => {
    await bed().systemctl('start', 'stopped.service');
    await run('stopped', `journal.send({ message: 'before' });`);
    await bed().run('journalctl', '--sync');
    await bed().systemctl('stop', ...JOURNALD);
    const stopped = await run('stopped', `return [sendAll(50), journal.waiting];`);
    await bed().systemctl('start', ...JOURNALD);
    expect(stopped).toEqual([50, 50]);
    expect(await run('stopped', `return journal.flush({ timeout: 60_000 });`)).toBe(true);
    expect(await messages('-u', 'stopped', '-t', 'node')).toEqual(['before', ...numbers(50)]);
  });

  test('of a LogNamespace= gets the entries of its services', async () => {
    await bed().run('sh', '-c', 'cp /usr/lib/systemd/system/systemd-journald*@.* /run/units');
    await bed().systemctl('daemon-reload');
    await bed().systemctl('start', 'namespace.service');
    await run('namespace', `journal.send({ message: 'apart' }); await journal.flush();`);
    await bed().run('journalctl', '--namespace=apart', '--sync');
    expect(await messages('--namespace=apart', '-t', 'node')).toContain('apart');
    expect(await messages('-u', 'namespace', '-t', 'node')).toEqual([]);
  });

  test('drops what is above the rate limit of the unit, and tells no sender', async () => {
    await bed().systemctl('start', 'limited.service');
    const sent = `return [sendAll(2_000), await journal.flush({ timeout: 60_000 }), journal.dropped];`;
    expect(await run('limited', sent)).toEqual([2_000, true, 0]);
    const stored = await messages('-u', 'limited', '-t', 'node');
    expect(stored.length).toBeGreaterThanOrEqual(10);
    expect(stored).toEqual(numbers(stored.length));
    expect(stored.length).toBeLessThan(1_000);
  });

  describe('a unit that forbids', () => {
    test('Unix sockets gets false, and nothing is thrown', async () => {
      await bed().systemctl('start', 'no-unix.service');
      expect(await messages('-u', 'no-unix', '-t', 'node')).toEqual(['sent false 0']);
    });

    test('memfd_create(2) loses long entries alone, and a warning says so', async () => {
      await bed().systemctl('start', 'memory.service');
      const source = `
        const long = journal.send({ message: 'x'.repeat(20_000_000) });
        const short = journal.send({ message: 'short' });
        await new Promise(setImmediate);
        return [long, short, journal.dropped, keep.warnings];`;
      expect(await run('memory', source)).toEqual([false, true, 1, ['ERR_SYSTEMD_JOURNAL']]);
    });
  });
});
