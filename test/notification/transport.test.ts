// A message that the package sends by its own socket is the same as libsystemd would send: the bytes,
// the descriptors, the sender and the errors.
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { notify, type SystemdError } from 'libsystemd';
import { sd_pid_notify_with_fds } from 'libsystemd/sd';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startReceiver } from '../support/receiver.ts';
import {
  addresses,
  allUntilNow,
  Child,
  forgetManagerAfterEach,
  proveThatNothingBlocks,
  queueLength,
} from './support.ts';

proveThatNothingBlocks();
forgetManagerAfterEach();

const openFds: number[] = [];
const streamServer = createServer();
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'libsystemd-test-'));
  await writeFile(join(folder, 'file'), '');
  openFds.push(openSync('/dev/null', 'r'), openSync(folder, 'r'));
  await once(streamServer.listen(join(folder, 'stream')), 'listening');
});
afterAll(async () => {
  streamServer.close();
  for (const fd of openFds) closeSync(fd);
  await rm(folder, { recursive: true });
});

type Send = (state: string, fds: readonly number[]) => boolean;

const senders: Readonly<Record<string, Send>> = {
  own: (state, fds) => notify.send(state, { fds }),
  libsystemd: (state, fds) => sd_pid_notify_with_fds(0, false, state, fds),
};

/** What each way returns, or the error that it throws. */
function outcomes(state: string, fds: readonly number[]): unknown[] {
  return Object.values(senders).map((send) => {
    try {
      return send(state, fds);
    } catch (error) {
      return error;
    }
  });
}

const failure = (code: string): unknown => expect.objectContaining({ code });

describe.each(addresses)('the same datagram arrives at a $kind for', ({ abstract }) => {
  test.each<[what: string, state: string, fds: () => readonly number[]]>([
    ['a message', 'READY=1\nSTATUS=é 🚀', () => []],
    ['an empty message', '', () => []],
    ['255 bytes', 'x'.repeat(255), () => []],
    ['256 bytes', 'x'.repeat(256), () => []],
    ['4096 bytes', 'x'.repeat(4096), () => []],
    ['a lone surrogate', 'X_A=\ud83d', () => []],
    ['two descriptors', 'X_FDS=2', () => openFds],
    ['the same descriptor twice', 'X_FDS=2', () => [openFds[0] as number, openFds[0] as number]],
    ['253 descriptors', 'X_FDS=253', () => Array<number>(253).fill(0)],
  ])('%s', async (_what, state, fds) => {
    await using receiver = await startReceiver({ abstract });
    process.env.NOTIFY_SOCKET = receiver.address;
    const arrived = [];
    for (const send of Object.values(senders)) {
      expect(send(state, fds())).toBe(true);
      arrived.push(await receiver.next());
    }
    expect(arrived[0]).toStrictEqual(arrived[1]);
    expect(arrived[0]).toMatchObject({ pid: process.pid, uid: process.getuid?.() });
  });
});

test.each<[what: string, address: () => string, fds?: readonly number[]]>([
  ['a path that is missing', () => join(folder, 'missing')],
  ['a path below a file', () => join(folder, 'file', 'below')],
  ['a file', () => join(folder, 'file')],
  ['a folder', () => folder],
  ['a stream socket', () => join(folder, 'stream')],
  ['an abstract name without a socket', () => '@libsystemd-nobody'],
  ['a slash alone', () => '/'],
  ['an at sign alone', () => '@'],
  ['a path of 107 bytes', () => `/${'x'.repeat(106)}`],
  ['a path of 108 bytes', () => `/${'x'.repeat(107)}`],
  ['a name of 107 bytes', () => `@${'x'.repeat(106)}`],
  ['a name of 108 bytes', () => `@${'x'.repeat(107)}`],
  ['a path of 54 characters with two bytes each', () => `/${'é'.repeat(54)}`],
  ['a relative path', () => 'run/notify'],
  ['an address of another family', () => 'tcp:127.0.0.1:80'],
  ['a closed descriptor', () => '@libsystemd-nobody', [0x7fff_fff0]],
  ['the descriptor -1 behind an open one', () => '@libsystemd-nobody', [0, -1]],
  ['a descriptor that is no integer', () => '@libsystemd-nobody', [0.5]],
])('%s leads to the same error', (_what, address, fds = []) => {
  process.env.NOTIFY_SOCKET = address();
  const [own, libsystemd] = outcomes('X_A=1', fds) as [SystemdError, SystemdError];
  expect(own).toBeInstanceOf(Error);
  const facts = ({ name, code, errno, syscall }: SystemdError) => ({ name, code, errno, syscall });
  expect(facts(own)).toStrictEqual(facts(libsystemd));
});

// libsystemd sends what the manager then drops, and leaves the limit of descriptors to the kernel.
test.each<[what: string, state: string, fdCount: number, own: string, libsystemd: unknown]>([
  ['4097 bytes', 'x'.repeat(4097), 0, 'ERR_SYSTEMD_MESSAGE_SIZE', true],
  ['254 descriptors', 'X_FDS=254', 254, 'ERR_OUT_OF_RANGE', failure('EINVAL')],
  ['a null byte', 'X_A=1\0', 0, 'ERR_INVALID_ARG_VALUE', failure('ERR_INVALID_ARG_VALUE')],
])(
  '%s: notify.send() refuses it, whatever libsystemd does',
  async (_w, state, count, code, other) => {
    await using receiver = await startReceiver();
    process.env.NOTIFY_SOCKET = receiver.address;
    expect(outcomes(state, Array<number>(count).fill(0))).toEqual([failure(code), other]);
    expect(await allUntilNow(receiver)).toEqual(other === true ? [state] : []);
  },
);

test('a full queue: notify.send() lets the message wait, and libsystemd blocks until there is room', async () => {
  await using manager = await startReceiver();
  await manager.stop();
  await using child = new Child(
    `import { writeSync } from 'node:fs';
    import { notify } from 'libsystemd';
    import { sd_notify } from 'libsystemd/sd';
    for (let i = 0; i < ${queueLength()}; i++) notify.send('FILL=' + i);
    writeSync(1, 'own ' + notify.send('X_OWN=1') + '\\n');
    writeSync(1, 'libsystemd ' + sd_notify(false, 'X_LIBSYSTEMD=1') + '\\n');`,
    { NOTIFY_SOCKET: manager.address },
  );
  await child.said('own true');
  const said = child.said('libsystemd true').then(() => true);
  expect(await Promise.race([said, delay(100)])).toBe(undefined);
  await manager.go();
  expect(await said).toBe(true);
  await manager.until('X_OWN=1');
  expect(await child.ending()).toMatchObject({ code: 0, stderr: '' });
});
