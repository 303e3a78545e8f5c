// An activated service loads no more modules of Node before its first client than server.listen({ fd }) does.
import { expect, test } from 'vitest';
import { launchNode } from '../support/launch.ts';
import { startReceiver } from '../support/receiver.ts';

/** The public modules of Node that are loaded once a server listens on its socket. */
async function loaded(listening: string): Promise<string[]> {
  await using receiver = await startReceiver();
  const source = `
    import { createServer } from 'node:http';
    import { builtinModules } from 'node:module';
    const server = createServer();
    ${listening}
    const names = process.moduleLoadList.map((entry) => entry.replace('NativeModule ', ''));
    console.log(JSON.stringify(names.filter((name) => builtinModules.includes(name))));
    process.exit();
  `;
  const env = { NOTIFY_SOCKET: receiver.address, WATCHDOG_USEC: '3000000' };
  const { result } = await launchNode(['tcp:127.0.0.1:0'], source, { env });
  return result as string[];
}

test.each([
  [
    'listen(), notify.ready() and watchdog.start()',
    `import { listen, notify, watchdog } from 'libsystemd';
     await listen(server);
     notify.ready();
     watchdog.start();`,
  ],
  [
    'serve()',
    `import { serve } from 'libsystemd';
     await serve(server);`,
  ],
])('%s load the modules of Node that server.listen({ fd }) loads', async (_what, listening) => {
  const plain = await loaded(`await new Promise((done) => server.listen({ fd: 3 }, done));`);
  expect(plain).toContain('http');
  // The state of the process is on Node's own `process`, as a module of some microseconds.
  const more = (await loaded(listening)).filter((name) => name !== 'process');
  expect(more).toEqual(plain);
});
