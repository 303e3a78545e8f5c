// EAGAIN of fork(2): the unit may have no more processes and threads (TasksMax=). strace(1) makes the call fail.
import { expect, test } from 'vitest';
import { straceLacks } from '../activation/machine.ts';
import { Injection } from './strace.ts';
import { Program } from './support.ts';

test('a cluster worker without a filter of system calls lists the descriptors of its primary', async (ctx) => {
  ctx.skip(straceLacks !== undefined, straceLacks);
  const source = `
    if (cluster.isPrimary) {
      cluster.setupPrimary({ exec: 'this module, which is in execArgv' });
      const worker = cluster.fork();
      await once(worker, 'message');
      say(worker.process.pid);
      waitForTest();
      await new Promise((done) => worker.send('go on', done));
      waitForTest();
      worker.disconnect();
    } else {
      inspect(0); // loads the add-on
      process.send('ready');
      await once(process, 'message');
      say(await outcome(() => listenFds().length));
    }`;
  await using program = new Program(source, { specs: ['tcp:127.0.0.1:0', 'pipe'] });
  const worker = await program.next<number>();
  const injection = await Injection.begin(worker, 'clone', 'EAGAIN');
  program.resume();
  const listed = await program.next();
  await injection.end();
  program.resume();
  expect(listed).toEqual({ value: 2 });
  await program.ended();
});
