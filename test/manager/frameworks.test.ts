// examples/frameworks under a real manager, exactly as they are, restarted while requests are under way.
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { Client } from '../support/client.ts';
import { root } from '../support/tools.ts';
import { describeInBed, type Unit } from './bed.ts';

const programs = [
  { name: 'express', dial: Client.connect },
  { name: 'fastify', dial: Client.connect },
  { name: 'koa', dial: Client.connect },
  { name: 'hono', dial: Client.connect },
  { name: 'http2', dial: Client.connectTls },
] as const;

const head =
  'POST / HTTP/1.1\r\nHost: test\r\nContent-Type: text/plain\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n';

describeInBed('frameworks under a service manager', [join(root, 'examples/frameworks')], (bed) => {
  beforeAll(async () => {
    await bed().run('mkdir', '/etc/credstore');
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
    const files = ['-keyout', '/etc/credstore/tls.key', '-out', '/etc/credstore/tls.crt'];
    const subject = ['-days', '2', '-subj', '/CN=localhost'];
    await bed().run('openssl', 'req', '-x509', ...key, ...files, ...subject);
  });

  test.each(programs)(
    '$name responds to a request that is under way at a restart, and the restarted service to the next one',
    async ({ name, dial }) => {
      const unit = `frameworks@${name}.service`;
      const at = { path: bed().path(`/run/frameworks-${name}.sock`) };
      await bed().systemctl('start', `frameworks@${name}.socket`);
      using running = await dial(at);
      running.socket.write(head);
      await running.until('HTTP/1.1 100 Continue\r\n\r\n');
      const first = await bed().until(unit, ({ ActiveState }) => ActiveState === 'active');
      expect(first.StatusText).toBe(`Serving on /run/frameworks-${name}.sock`);

      await bed().systemctl('restart', '--no-block', unit);
      const isStopping = ({ StatusText }: Unit) => StatusText.startsWith('Stopping: SIGTERM');
      await bed().until(unit, isStopping);
      const next = dial(at).then((client) => {
        client.socket.write(`${head}later`);
        return client;
      });
      running.socket.write('first');
      expect(await running.until('first')).toMatch(/^HTTP\/1.1 200 .*Connection: close\r\n/s);
      using waiting = await next;
      expect(await waiting.until('later')).toMatch(/^HTTP\/1.1 200 /m);

      const second = await bed().until(unit, ({ ActiveState }) => ActiveState === 'active');
      expect(second.MainPID).not.toBe(first.MainPID);
      waiting.socket.destroy();
      await bed().systemctl('stop', unit, `frameworks@${name}.socket`);
      const stopped = await bed().show(unit);
      expect(stopped).toMatchObject({ ActiveState: 'inactive', Result: 'success' });
      expect(await bed().journal(unit)).not.toMatch(/\(node:\d+\)|Error/);
    },
  );
});
