// Packages that look for a free port find the port of systemd's socket free, and do not keep the socket.
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { freePort, startAuto, untilReady } from '../auto/support.ts';
import { Client } from '../support/client.ts';
import { fetchLocked } from '../support/npm-program.ts';
import { root } from '../support/tools.ts';

describe.concurrent('a search for a free port finds the port of systemd', () => {
  let modules: string;
  beforeAll(async () => {
    const folder = await fetchLocked(join(root, 'test/preloaded/packages/servers'));
    modules = join(folder, 'node_modules');
  });

  const finders = {
    portfinder: `
      const { default: portfinder } = await import('MODULES/portfinder/lib/portfinder.js');
      const port = await portfinder.getPortPromise({ port: PORT, stopPort: PORT + 20 });
    `,
    'get-port': `
      const { default: getPort } = await import('MODULES/get-port/index.js');
      const port = await getPort({ port: PORT });
    `,
    'get-port with an address': `
      const { default: getPort } = await import('MODULES/get-port/index.js');
      const port = await getPort({ port: PORT, host: '127.0.0.1' });
    `,
  };

  test.each(Object.entries(finders))('%s', async (_name, find) => {
    const port = await freePort();
    const source = `
      const PORT = ${port};
      say({ begun: true });
      await sleep(200);
      ${find.replaceAll('MODULES', modules)}
      say({ port });
      http.createServer(answer).listen(port);
    `;
    await using service = await startAuto(source, { specs: [`tcp:127.0.0.1:${port}`] });
    await service.readUntil((line) => line.begun === true);
    // A client that comes during the search is answered by the server that follows.
    using early = await Client.connect({ host: '127.0.0.1', port });
    early.get('/0');
    expect(await service.readUntil((line) => 'port' in line)).toEqual({ port });
    await untilReady(service);
    await early.until('done');
    expect(service.notifications).toHaveLength(1);
  });
});
