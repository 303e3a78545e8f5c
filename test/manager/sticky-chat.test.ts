// examples/sticky-chat under a real manager, exactly as it is: its clients stay connected over restarts.
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { root } from '../support/tools.ts';
import { describeInBed } from './bed.ts';

interface Chatter {
  readonly said: readonly string[];
  readonly received: string;
  readonly ended: boolean;
}

const UNIT = 'sticky-chat.service';

/** The numbered lines of the chat that a client has received. */
function transcriptOf({ received }: Chatter): string[] {
  return received.split('\n').slice(1, -1); // without the first line, which has the client's name
}

/** The messages of one client in the transcript of another. */
function messagesOf(name: string, lines: readonly string[]): string[] {
  const start = new RegExp(`^\\d+ ${name}: `);
  return lines.filter((line) => start.test(line)).map((line) => line.replace(start, ''));
}

describeInBed('sticky-chat', [join(root, 'examples/sticky-chat')], (bed) => {
  test('five clients talk over five restarts, and each receives everything once', async () => {
    await bed().systemctl('start', 'sticky-chat.socket');
    const args = ['test/manager/programs/chatters.mjs', '7070', '5', '5', UNIT];
    const chatters: Chatter[] = JSON.parse(await bed().run('node', ...args));
    const [first = [], ...others] = chatters.map(transcriptOf);
    expect(first.length).toBeGreaterThan(100);
    expect(first.map((line) => Number.parseInt(line, 10))).toEqual(first.map((_, i) => i + 1));
    for (const other of others) expect(other).toEqual(first);
    for (const [i, { said, ended }] of chatters.entries()) {
      expect(messagesOf(`client-${i + 1}`, first)).toEqual(said);
      expect(ended).toBe(false);
    }
    expect(await bed().show(UNIT)).toMatchObject({ NFileDescriptorStore: 0, Result: 'success' });
    await bed().systemctl('stop', UNIT);
  });

  /** Starts the chat, and runs code that has `join`, `waitFor` and `restart`. Returns the value passed to `result()`. */
  async function runInChat<T>(source: string): Promise<T> {
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
        const member = { socket, received: '' };
        socket.on('data', (text) => { member.received += text; });
        socket.on('error', () => {});
        await once(socket, 'data');
        return member;
      };
      const waitFor = async (member, text) => {
        while (!member.received.includes(text)) await once(member.socket, 'data');
      };
      ${source}
    `)
      .catch(async (cause) => {
        throw new Error((await bed().journal(UNIT)).slice(-5000), { cause });
      });
    await bed().systemctl('stop', UNIT);
    return outcome;
  }

  test('a line sent half before and half after a restart stays one line, and a stop closes connections', async () => {
    const received = await runInChat<string>(String.raw`
      const [one, other] = [await join(), await join()];
      one.socket.write('half a li');
      one.socket.write(Buffer.from('–').subarray(0, 2));
      other.socket.write('that was sent\n');
      await waitFor(one, 'that was sent');
      await restart();
      one.socket.write(Buffer.from('–\n').subarray(2));
      await waitFor(other, '–');
      await promisify(execFile)('systemctl', ['stop', '${UNIT}']);
      if (!one.socket.destroyed) await once(one.socket, 'close');
      result(other.received);
      process.exit();
    `);
    expect(received).toMatch(/\n1 client-2: that was sent\n2 client-1: half a li–\n$/);
  });

  test('a line sent during a restart arrives, and a client that does not read is disconnected', async () => {
    const received = await runInChat<string>(String.raw`
      const [unread, one, other] = [await join(), await join(), await join()];
      unread.socket.pause();
      // 16 MB for each client, more than the kernel buffers for a connection.
      one.socket.write(('x'.repeat(4000) + '\n').repeat(4000));
      await waitFor(one, '\n4000 ');
      one.received = '';
      const restarted = restart();
      await sleep(300); // the stop waits for the client that does not read
      other.socket.end('farewell\n');
      await restarted;
      one.socket.write('still here\n');
      await waitFor(one, 'still here');
      unread.socket.resume();
      await once(unread.socket, 'close');
      result(one.received.slice(one.received.indexOf('4001')));
      process.exit();
    `);
    expect(received).toBe('4001 client-3: farewell\n4002 client-2: still here\n');
  });

  test('a thousand clients stay connected over a restart, and the next client is refused', async () => {
    const [refusal, took] = await runInChat<[string, number]>(String.raw`
      const members = [];
      for (let i = 0; i < 1000; i++) members.push(await join());
      const { received } = await join();
      const start = performance.now();
      await restart();
      const took = performance.now() - start;
      members[0].socket.write('still here\n');
      await Promise.all(members.map((member) => waitFor(member, '1 client-1: still here\n')));
      result([received, took]);
      process.exit();
    `);
    expect(refusal).toBe('The chat is full\n');
    console.log(`A restart with 1,000 clients took ${Math.round(took)} ms`);
  });
});
