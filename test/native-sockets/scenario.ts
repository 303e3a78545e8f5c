// A program that uses everything of the second add-on, for each runtime.

/** What {@link scenario} says when all is well. */
export const SAID: readonly unknown[] = [
  { received: 500, last: 'X_COUNT=499', fds: 2 },
  { events: ['connection', 'hang-up', 'death'] },
  { threads: 0, leaked: 0 },
];

const WORKER = `
  const { parentPort, workerData } = require('node:worker_threads');
  import(workerData.bundle).then(async ({ Receiver, native, encodeUnixAddress, pidfdOpen, Watches }) => {
    const path = workerData.path;
    let count = 0;
    new Receiver(path, () => count++);
    new Watches().onDeath(process.ppid, () => {});
    pidfdOpen(process.pid);
    const address = encodeUnixAddress(path);
    native().send_datagram(address, 'X=1', [0]);
    const wait = () => (count > 0 ? parentPort.postMessage('ready') : setTimeout(wait, 1));
    wait();
    const flood = () => {
      for (let i = 0; i < 20; i++) native().send_datagram(address, 'X=1', [0]);
      setTimeout(flood, 0);
    };
    flood();
  });
`;

/**
 * The program.
 *
 * @param folder - for its sockets
 * @param bundle - the path of the bundle
 */
export function scenario(folder: string, bundle: string): string {
  return `
    import { spawn, spawnSync } from 'node:child_process';
    import { connect } from 'node:net';
    import { Worker } from 'node:worker_threads';
    const folder = ${JSON.stringify(folder)};

    // More messages than any queue has places, while this thread sends and does nothing else.
    const path = folder + '/notify';
    const messages = [];
    const receiver = new manager.Receiver(path, (message) => messages.push(message));
    const address = manager.encodeUnixAddress(path);
    for (let i = 0; i < 500; i++) {
      while (manager.native().send_datagram(address, 'X_COUNT=' + i, i < 2 ? [0] : []) < 0);
    }
    await receiver.drain();
    const fds = messages.flatMap((message) => message.fds);
    fds.forEach(manager.closeDescriptor);
    say({ received: messages.length, last: String(messages.at(-1).bytes), fds: fds.length });
    receiver.close();

    const events = [];
    const watches = new manager.Watches();
    const until = async (count) => {
      while (events.length < count) await sleep(5);
    };
    const listener = manager.openListener({ name: 'a', kind: 'stream', address: folder + '/listener' });
    watches.onReadable(listener, () => events.push('connection'));
    const client = connect(folder + '/listener');
    client.on('error', () => {});
    await until(1);
    const connection = manager.accept(listener);
    watches.onHangUp(connection, () => events.push('hang-up'));
    client.destroy();
    await until(2);
    const child = spawn('sleep', ['0.1']);
    watches.onDeath(child.pid, () => events.push('death'));
    await until(3);
    say({ events });
    for (const fd of [listener, connection]) manager.closeDescriptor(fd);

    // Threads that are terminated while messages with descriptors come. The first one opens what a runtime keeps.
    const round = async (count) => {
      const workers = Array.from({ length: count }, (_, i) =>
        new Worker(${JSON.stringify(WORKER)}, {
          eval: true,
          workerData: { bundle: ${JSON.stringify(bundle)}, path: folder + '/worker' + i },
        }));
      await Promise.all(workers.map((worker) => new Promise((resolve) => worker.once('message', resolve))));
      await Promise.all(workers.map((worker) => worker.terminate()));
      for (let i = 0; i < count; i++) spawnSync('rm', [folder + '/worker' + i]);
      await sleep(50);
    };
    await round(1);
    // Deno keeps an eventfd and an epoll of its own for each thread that has ended.
    const kept = () =>
      readdirSync('/proc/self/fd').filter((fd) => /^(?!anon_inode:.event)/.test(link(fd) ?? 'anon_inode:[event]')).length;
    const before = kept();
    for (let i = 0; i < 3; i++) await round(4);
    say({ threads: watcherThreads(), leaked: Math.max(0, kept() - before) });

    // The thread runs at the end of the process, and messages come.
    const last = new manager.Receiver(path, () => {});
    for (let i = 0; i < 10; i++) manager.native().send_datagram(address, 'X=1', [0]);
    process.exit(0);`;
}
