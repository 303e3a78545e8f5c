// A descriptor that another socket of this thread has: it stays with that one.
import { once } from 'node:events';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { UnixDatagram, UnixSeqpacket, UnixSeqpacketServer } from '../../lib/unix.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { Collected, openFds } from './peer.ts';

const folder = temporaryFolder();
let names = 0;
const newPath = () => join(folder, String(++names));
const failure = expect.objectContaining({ code: 'EEXIST', syscall: 'epoll_ctl' });

describe('a descriptor that another socket has is refused, and stays with it', () => {
  test('bind() of a UnixDatagram', async () => {
    const path = newPath();
    await using owner = new UnixDatagram().bind(path);
    const received = new Collected(owner);
    await new Promise(setImmediate);
    const other = new UnixDatagram().on('message', () => {});
    expect(() => other.bind(owner.fd as number)).toThrow(failure);
    expect(other.fd).toBeUndefined();
    await other.close();
    await using sender = new UnixDatagram();
    await sender.send('still here', path);
    expect(await received.first(1)).toEqual(['still here']);
  });

  test('connect() of a UnixSeqpacket', async () => {
    const path = newPath();
    await using server = new UnixSeqpacketServer().listen(path);
    const accepted = once(server, 'connection');
    await using client = await new UnixSeqpacket().connect(path);
    const [owner] = (await accepted) as [UnixSeqpacket];
    const received = new Collected(owner);
    await new Promise(setImmediate);
    const other = new UnixSeqpacket().on('message', () => {});
    await expect(other.connect(owner.fd as number)).rejects.toThrow(failure);
    expect(other.fd).toBeUndefined();
    await other.close();
    await client.send('still here');
    expect(await received.first(1)).toEqual(['still here']);
  });

  test('listen() of a UnixSeqpacketServer', async () => {
    const path = newPath();
    const before = openFds();
    const owner = new UnixSeqpacketServer().listen(path);
    const other = new UnixSeqpacketServer();
    expect(() => other.listen(owner.fd as number)).toThrow(failure);
    expect(other.fd).toBeUndefined();
    await other.close();
    const accepted = once(owner, 'connection');
    const client = await new UnixSeqpacket().connect(path);
    await accepted;
    await client.close();
    await owner[Symbol.asyncDispose]();
    expect(openFds()).toEqual(before);
  });
});
