// A message that the package sends by its own socket is the same as libsystemd would send: the bytes,
// the descriptors, the sender and the errors.
import { closeSync, openSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { notify, SystemdError } from 'libsystemd';
import { sd_pid_notify_with_fds } from 'libsystemd/sd';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startReceiver } from '../support/receiver.ts';
import { addresses, forgetManagerAfterEach } from './support.ts';

forgetManagerAfterEach();

const openFds: number[] = [];
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'libsystemd-test-'));
  await writeFile(join(folder, 'file'), '');
  openFds.push(openSync('/dev/null', 'r'), openSync(folder, 'r'));
});
afterAll(async () => {
  for (const fd of openFds) closeSync(fd);
  await rm(folder, { recursive: true });
});

type Send = (state: string, fds: readonly number[]) => boolean;

const senders: Readonly<Record<string, Send>> = {
  own: (state, fds) => notify.send(state, { fds }),
  libsystemd: (state, fds) => sd_pid_notify_with_fds(0, false, state, fds),
};

describe.each(addresses)('the same datagram arrives at a $kind for', ({ abstract }) => {
  test.each<[what: string, state: string, fds: () => readonly number[]]>([
    ['a message', 'READY=1\nSTATUS=é 🚀', () => []],
    ['an empty message', '', () => []],
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
])('%s leads to the same error', (_what, address, fds = []) => {
  process.env.NOTIFY_SOCKET = address();
  const [own, libsystemd] = Object.values(senders).map((send) => {
    try {
      return send('X_A=1', fds);
    } catch (error) {
      return error;
    }
  }) as [SystemdError, SystemdError];
  expect(own).toBeInstanceOf(SystemdError);
  const facts = ({ name, code, errno, syscall }: SystemdError) => ({ name, code, errno, syscall });
  expect(facts(own)).toStrictEqual(facts(libsystemd));
});
