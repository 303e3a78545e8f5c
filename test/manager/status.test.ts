// What a real manager makes of texts that were made to confuse it, and that the reader which stands
// for it in other tests (support/manager-reads.ts) reads as it does.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { legible, statusIn } from '../support/manager-reads.ts';
import { nastyText } from '../support/texts.ts';
import { describeInBed, puppet } from './bed.ts';

const UNITS = { 'status.service': puppet('Type=notify') };

/** The same in each run: here it is the manager that is in question. */
const texts = [...new Set(fc.sample(nastyText, { numRuns: 120, seed: 1 }))];

/** systemctl shows a status as it is, if it is a line. */
const shown = (status: string) => (status.includes('\n') ? '[unprintable]' : status);

describeInBed('a status under a service manager', [UNITS], (bed) => {
  /** What systemctl shows after each of these calls, all of which begin with the status `before`. */
  async function after(calls: readonly string[]): Promise<string[]> {
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
    return await bed().tell<string[]>('status', source);
  }

  test('any text arrives as meant, and nothing but it', async () => {
    const seen = await after(texts.map((text) => `notify.status(${JSON.stringify(text)})`));
    for (const [i, text] of texts.entries()) expect(seen[i], text).toBe(legible(text));
  });

  test('a message is read as the tests do', async () => {
    const lines = texts.map((text) => text.replaceAll('\0', '').toWellFormed());
    const messages = lines.flatMap((line) => [line, `STATUS=${line}`]);
    const seen = await after(messages.map((text) => `notify.send(${JSON.stringify(text)})`));
    const changed = messages.filter((message) => statusIn(message) !== undefined);
    expect(changed.length).toBeGreaterThan(100);
    for (const [i, message] of messages.entries()) {
      expect(seen[i], message).toBe(shown(statusIn(message) ?? 'before'));
    }
  });
});
