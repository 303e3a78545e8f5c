// The example whose clients stay connected while it restarts, exactly as it is.
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { root } from '../support/tools.ts';
import { describeInBed } from './bed.ts';

interface Chatter {
  readonly said: readonly string[];
  /** All that it was sent. */
  readonly told: string;
  readonly ended: boolean;
}

const UNIT = 'sticky-chat.service';

/** Numbered, as the chat numbers all that is said. */
function transcript({ told }: Chatter): string[] {
  return told.split('\n').slice(1, -1); // the first says who it is
}

/** What this client said, by what another was told. */
function saidBy(name: string, lines: readonly string[]): string[] {
  const start = new RegExp(`^\\d+ ${name}: `);
  return lines.filter((line) => start.test(line)).map((line) => line.replace(start, ''));
}

describeInBed('sticky-chat', [join(root, 'examples/sticky-chat')], (bed) => {
  test('five clients talk over five restarts, and each is told everything, once', async () => {
    await bed().systemctl('start', 'sticky-chat.socket');
    const args = ['test/manager/programs/chatters.mjs', '7070', '5', '5', UNIT];
    const chatters: Chatter[] = JSON.parse(await bed().run('node', ...args));
    const [first = [], ...others] = chatters.map(transcript);
    expect(first.length).toBeGreaterThan(100);
    expect(first.map((line) => Number.parseInt(line, 10))).toEqual(first.map((_, i) => i + 1));
    for (const other of others) expect(other).toEqual(first);
    for (const [i, { said, ended }] of chatters.entries()) {
      expect(saidBy(`client-${i + 1}`, first)).toEqual(said);
      expect(ended).toBe(false);
    }
    expect(await bed().show(UNIT)).toMatchObject({ NFileDescriptorStore: 0, Result: 'success' });
    await bed().systemctl('stop', UNIT);
  });

  /** What a module gives that has `join`, `said` and `restart`, in a chat of its own. */
  async function inChat<T>(source: string): Promise<T> {
    await bed().systemctl('start', 'sticky-chat.socket');
    await bed().systemctl('reset-failed', UNIT);
    const outcome = await bed()
      .evaluate<T>(`
      import { execFile } from 'node:child_process';
      import { once } from 'node:events';
      import { connect } from 'node:net';
      import { setTimeout as sleep } from 'node:timers/promises';
      import { promisify } from 'node:util';
      const restart = () => promisify(execFile)('systemctl', ['restart', '${UNIT}']);
      const join = async () => {
        const socket = connect(7070, '127.0.0.1').setEncoding('utf8');
        const member = { socket, told: '' };
        socket.on('data', (text) => { member.told += text; });
        socket.on('error', () => {});
        await once(socket, 'data');
        return member;
      };
      const said = async (member, text) => {
        while (!member.told.includes(text)) await once(member.socket, 'data');
      };
      ${source}
    `)
      .catch(async (cause) => {
        throw new Error((await bed().journal(UNIT)).slice(-5000), { cause });
      });
    await bed().systemctl('stop', UNIT);
    return outcome;
  }

  test('half a line before a restart and half after it are one, and a stop is the end', async () => {
    const told = await inChat<string>(String.raw`
      const [one, other] = [await join(), await join()];
      one.socket.write('half a li');
      one.socket.write(Buffer.from('–').subarray(0, 2));
      other.socket.write('that was sent\n');
      await said(one, 'that was sent');
      await restart();
      one.socket.write(Buffer.from('–\n').subarray(2));
      await said(other, '–');
      await promisify(execFile)('systemctl', ['stop', '${UNIT}']);
      if (!one.socket.destroyed) await once(one.socket, 'close');
      result(other.told);
      process.exit();
    `);
    expect(told).toMatch(/\n1 client-2: that was sent\n2 client-1: half a li–\n$/);
  });

  test('a last word while it restarts is heard, and who does not read is left behind', async () => {
    const told = await inChat<string>(String.raw`
      const [deaf, one, other] = [await join(), await join(), await join()];
      deaf.socket.pause();
      // 16 MB for each, which is more than the kernel keeps for one.
      one.socket.write(('x'.repeat(4000) + '\n').repeat(4000));
      await said(one, '\n4000 ');
      one.told = '';
      const restarted = restart();
      await sleep(300); // it waits for the deaf one
      other.socket.end('farewell\n');
      await restarted;
      one.socket.write('still here\n');
      await said(one, 'still here');
      deaf.socket.resume();
      await once(deaf.socket, 'close');
      result(one.told.slice(one.told.indexOf('4001')));
      process.exit();
    `);
    expect(told).toBe('4001 client-3: farewell\n4002 client-2: still here\n');
  });

  test('a thousand stay, and for one more there is no room', async () => {
    const [refusal, took] = await inChat<[string, number]>(String.raw`
      const members = [];
      for (let i = 0; i < 1000; i++) members.push(await join());
      const { told } = await join();
      const start = performance.now();
      await restart();
      const took = performance.now() - start;
      members[0].socket.write('still here\n');
      await Promise.all(members.map((member) => said(member, '1 client-1: still here\n')));
      result([told, took]);
      process.exit();
    `);
    expect(refusal).toBe('The chat is full\n');
    console.log(`A restart with 1,000 clients took ${Math.round(took)} ms`);
  });
});
