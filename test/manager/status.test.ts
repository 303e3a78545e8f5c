// Nasty texts as status: a real manager shows them as meant, and reads messages exactly as support/manager-reads.ts
// does, which other tests use instead of a manager.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { legible, statusIn } from '../support/manager-reads.ts';
import { nastyText } from '../support/texts.ts';
import { describeInBed, puppet } from './bed.ts';

const UNITS = { 'status.service': puppet('Type=notify') };

/** The same texts in each run, because this file tests the manager and not the generator. */
const texts = [...new Set(fc.sample(nastyText, { numRuns: 120, seed: 1 }))];

/** systemctl shows a status of one line unchanged. */
const shownBySystemctl = (status: string) => (status.includes('\n') ? '[unprintable]' : status);

describeInBed('a status under a service manager', [UNITS], (bed) => {
  /** Sets the status `before`, then makes one of the calls, and reads the status; the same for each call. */
  async function statusesAfter(calls: readonly string[]): Promise<string[]> {
    await bed().systemctl('start', '--no-block', 'status');
    const source = `
      const { execFileSync } = require('node:child_process');
      const show = ['show', '--value', '--property=StatusText', 'status'];
      const seen = [];
      for (const call of [${calls.map((call) => `() => ${call}`)}]) {
        notify.status('before');
        call();
        await notify.barrier();
        seen.push(execFileSync('systemctl', show, { encoding: 'utf8' }).slice(0, -1));
      }
      return seen;`;
    return await bed().runInService<string[]>('status', source);
  }

  test('notify.status() shows any text, and the text sets nothing else', async () => {
    const seen = await statusesAfter(texts.map((text) => `notify.status(${JSON.stringify(text)})`));
    for (const [i, text] of texts.entries()) expect(seen[i], text).toBe(legible(text));
  });

  test('the manager reads a raw message as the reader of the tests does', async () => {
    const lines = texts.map((text) => text.replaceAll('\0', '').toWellFormed());
    const messages = lines.flatMap((line) => [line, `STATUS=${line}`]);
    const seen = await statusesAfter(
      messages.map((text) => `notify.send(${JSON.stringify(text)})`),
    );
    const changed = messages.filter((message) => statusIn(message) !== undefined);
    expect(changed.length).toBeGreaterThan(100);
    for (const [i, message] of messages.entries()) {
      expect(seen[i], message).toBe(shownBySystemctl(statusIn(message) ?? 'before'));
    }
  });
});
