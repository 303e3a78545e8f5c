// Properties that other code has added to Object.prototype, and so to all objects, are not read as options.
import { expect, test } from 'vitest';
import { startProgram, startService } from './support.ts';

const POLLUTE = `
  const never = () => { say({ polluted: true }); return false; };
  Object.assign(Object.prototype, {
    name: 'other', fallback: '/nonexistent/socket', backlog: -1, idleTimeout: 1, stopTimeout: 1, exitTimeout: 1,
    reload: never, drain: never, stop: never, status: never, workers: 3, keepEnvironment: 7, interval: -1,
    check: never, onError: never, pid: 1, fds: [99], timeout: 1, poll: 7, NOTIFY_SOCKET: '/nonexistent', WATCHDOG_USEC: '1',
    peerAddress: { family: 'unix' }, error: new Error('of somebody'), primary: [], meantFor: 1, _handle: { fd: 1 },
  });
`;

test('functions ignore option names on Object.prototype', async () => {
  await using service = await startService(
    `
    import { fdStore, notify, watchdog } from 'libsystemd';
    ${POLLUTE}
    const service = await serve(http.createServer(answer));
    say({
      addresses: service.addresses, activated: service.activated, who: service.connections,
      did: [notify.send({ X_A: 1 }), await notify.barrier({}), fdStore.add('x', 0, {}), watchdog.timeout() === undefined],
    });`,
  );
  const line = await service.readUntil((one) => 'did' in one);
  expect(line).toMatchObject({ activated: true, did: [true, true, true, true] });
  await service.stop();
  expect(service.notifications.map((message) => message.split('\nSTATUS=')[0])).toEqual([
    ...['READY=1', 'X_A=1', 'BARRIER=1', 'FDSTORE=1\nFDNAME=x', 'STOPPING=1'],
  ]);
  expect(service.lines.filter((one) => 'polluted' in one)).toEqual([]);
});

test('a fallback on Object.prototype is not used', async () => {
  await using service = await startService(
    `${POLLUTE}
    serve(http.createServer()).catch(({ code, message }) => say({ code, message }));`,
    { specs: [], fds: 'none', pid: 'none' },
  );
  expect(await service.readUntil((line) => 'code' in line)).toMatchObject({
    code: 'ERR_SYSTEMD_NOT_ACTIVATED',
    message: expect.stringContaining('No descriptor was passed'),
  });
});

test('workers and their primary ignore message names on Object.prototype', async () => {
  await using service = await startProgram(['test/service/programs/polluted-workers.mjs']);
  const { reloads } = await service.readUntil((line) => 'reloads' in line);
  expect(reloads).toBe(1);
  await service.stop();
  expect(await service.ended()).toEqual({ code: 0, signal: null });
  expect(service.lines.filter((line) => 'warning' in line)).toEqual([]);
  const isPrimary = service.lines.flatMap((line) => (line['reason'] ? [line['isPrimary']] : []));
  expect(isPrimary.sort()).toEqual([false, false, true]);
});
