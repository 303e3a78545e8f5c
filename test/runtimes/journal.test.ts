// libsystemd/journal in each runtime: entries wait and go out in their order, long ones too, and nothing is lost at the end.
import { expect, inject, test } from 'vitest';
import { inPrivateRun } from '../journal/private-run.ts';

// qemu-user can't pass the descriptor of a memory file.
const native = inject('runtimes').filter(({ kind }) => kind !== 'emulated');

const PROGRAM = `
  import { journalDestination } from 'libsystemd/pino';
  const receiver = await Receiver.start();
  say(journal.send({ message: 'x'.repeat(9_000_000), error: new Error('e'), fields: { LINES: 'a\\nb' } }));
  journalDestination().write('{"level":50,"msg":"by pino"}\\n');
  say((await receiver.objects(2)).map(({ MESSAGE, PRIORITY, LINES }) => [MESSAGE.length, PRIORITY, LINES ?? null]));
  const all = Array.from({ length: 2_000 }, (_, i) => String(i));
  say([all.every((message) => journal.send({ message })), journal.waiting > 0]);
  const taken = await receiver.values('MESSAGE', 2_000);
  say([JSON.stringify(taken) === JSON.stringify(all), await journal.flush(), journal.waiting, journal.dropped]);
  for (let i = 0; i < 700; i++) journal.send({ message: String(i) });
  process.on('exit', () => say(journal.dropped > 0));
  process.exit(0);
`;

test.each(native)('$name', async ({ command }) => {
  const { said } = await inPrivateRun(PROGRAM, { runtime: command });
  expect(said).toEqual([
    true,
    [
      [9_000_000, '3', 'a\nb'],
      [7, '3', null],
    ],
    [true, true],
    [true, true, 0, 0],
    true,
  ]);
});
