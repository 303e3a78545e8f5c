// Every way to receive descriptors together with every way to stop. In each combination the service listens on the right
// sockets, answers every request under way, sends STOPPING=1 once, and its process ends with 0.
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Address } from 'libsystemd';
import { afterAll, describe, expect, test } from 'vitest';
import { Client } from '../support/client.ts';
import type { Reachable } from '../support/service.ts';
import { type Line, type RunningService, startProgram } from './support.ts';

const folder = mkdtempSync(join(tmpdir(), 'libsystemd-test-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The descriptors that the service is passed, and its call of serve(). */
interface Situation {
  readonly specs: readonly string[];
  readonly names?: string;
  /** JavaScript that runs before serve(). */
  readonly before?: string;
  readonly serve: string;
  /** More options of serve(), as JavaScript. */
  readonly options?: string;
  /** The server that answers on each address, in the order of `service.addresses`. */
  readonly answers: readonly ('web' | 'metrics' | 'echo')[];
  /** The codes of the expected warnings. */
  readonly warnings?: readonly string[];
  readonly activated?: boolean;
}

const TCP = 'tcp:127.0.0.1:0';
const WEB = 'serve(web, options)';
const FALLBACK = `fallback: { port: 0, host: '127.0.0.1' }`;
const LIST = (...entries: string[]) => `serve([${entries.join(', ')}], options)`;

const situations: Readonly<Record<string, Situation>> = {
  'one socket': { specs: [TCP], names: 'web', serve: WEB, answers: ['web'] },
  'one socket, by its name': {
    specs: [TCP, TCP],
    names: 'admin:web',
    serve: `serve(web, { ...options, name: 'web' })`,
    answers: ['web'],
    warnings: ['ERR_SYSTEMD_UNTAKEN'],
  },
  'no socket, and a fallback': {
    specs: [],
    serve: WEB,
    options: FALLBACK,
    answers: ['web'],
    activated: false,
  },
  'two sockets of one name': {
    specs: [TCP, 'tcp:[::1]:0'],
    names: 'web:web',
    serve: WEB,
    answers: ['web', 'web'],
  },
  'a TCP and a Unix socket of one name, by the name': {
    specs: [TCP, 'unix:PATH'],
    names: 'web:web',
    serve: `serve(web, { ...options, name: 'web' })`,
    answers: ['web', 'web'],
  },
  'two names, a server each': {
    specs: [TCP, TCP],
    names: 'metrics:web',
    serve: LIST(`{ server: web, name: 'web' }`, `{ server: metrics, name: 'metrics' }`),
    answers: ['web', 'metrics'],
  },
  'a second server whose socket was not passed, and its fallback': {
    specs: [TCP],
    names: 'web',
    serve: LIST(`{ server: web, name: 'web' }`, `{ server: metrics, ${FALLBACK} }`),
    answers: ['web', 'metrics'],
    activated: false,
  },
  'a name that was not passed, and its fallback': {
    specs: [TCP],
    names: 'web',
    serve: LIST(
      `{ server: web, name: 'web' }`,
      `{ server: metrics, name: 'metrics', ${FALLBACK} }`,
    ),
    answers: ['web', 'metrics'],
    warnings: ['ERR_SYSTEMD_FD_NAME'],
    activated: false,
  },
  'TCP and UDP of one name, a server each': {
    specs: [TCP, 'udp:127.0.0.1:0'],
    names: 'dns:dns',
    serve: LIST(`{ server: echo, name: 'dns' }`, `{ server: web, name: 'dns' }`),
    answers: ['echo', 'web'],
  },
  'a socket, and a state in the store': {
    specs: ['sealed:state', TCP],
    names: 'state:web',
    before: `fdStore.load('state')`,
    serve: WEB,
    answers: ['web'],
  },
  'a socket, and a state in the store that the program does not load': {
    specs: [TCP, 'sealed:state'],
    names: 'web:state',
    serve: WEB,
    answers: ['web'],
  },
  'a socket, and a stored connection of the same name': {
    specs: [TCP, 'tcp-connected'],
    names: 'web:web',
    serve: `serve(web, { ...options, name: 'web' })`,
    answers: ['web'],
  },
  'a stored state alone, and a fallback': {
    specs: ['sealed:state'],
    names: 'state',
    serve: WEB,
    options: FALLBACK,
    answers: ['web'],
    activated: false,
  },
  'a file of OpenFile= alone, and a fallback': {
    specs: ['file:/etc/hostname'],
    names: 'hostname',
    serve: WEB,
    options: FALLBACK,
    answers: ['web'],
    activated: false,
  },
  'a socket that another server of the process listens on, and a fallback': {
    specs: [TCP],
    names: 'web',
    before: 'await listen(metrics); metrics.unref()',
    serve: WEB,
    options: FALLBACK,
    answers: ['web'],
    activated: false,
  },
  'a socket that a second copy of the package has listed': {
    specs: [TCP],
    names: 'web',
    before: '(await loadAgain()).listenFds()',
    serve: WEB,
    answers: ['web'],
  },
  'one socket, and workers': {
    specs: [TCP],
    names: 'web',
    serve: WEB,
    options: 'workers: 2',
    answers: ['web'],
  },
  'two sockets of one name, and workers': {
    specs: [TCP, 'unix:PATH'],
    names: 'web:web',
    serve: WEB,
    options: 'workers: 2',
    answers: ['web', 'web'],
  },
  'a socket, a state in the store, and workers': {
    specs: ['sealed:state', TCP],
    names: 'state:web',
    serve: WEB,
    options: 'workers: 2',
    answers: ['web'],
  },
  'a socket of the descriptor option, of two sockets of one name': {
    specs: [TCP, TCP],
    names: 'web:web',
    serve: 'serve(web, { ...options, descriptor: listenFds()[1] })',
    answers: ['web'],
    warnings: ['ERR_SYSTEMD_UNTAKEN'],
  },
  'a server by its descriptor, one by its name, and one by neither': {
    specs: [TCP, TCP, 'udp:127.0.0.1:0'],
    names: 'web:metrics:dns',
    serve: LIST(
      '{ server: echo }',
      `{ server: metrics, name: 'metrics' }`,
      '{ server: web, descriptor: listenFds()[0] }',
    ),
    answers: ['echo', 'metrics', 'web'],
  },
  'a socket that fdStore.take() has taken, and a fallback': {
    specs: [TCP],
    names: 'web',
    before: `fdStore.take('web')`,
    serve: WEB,
    options: FALLBACK,
    answers: ['web'],
    activated: false,
  },
  'a socket that a closed server listened on before': {
    specs: [TCP, 'tcp:[::1]:0'],
    names: 'web:web',
    before: 'await listen(metrics); metrics.close()',
    serve: WEB,
    answers: ['web', 'web'],
  },
  'a socket, a connection that fdStore.take() has taken, and a state': {
    specs: ['sealed:state', 'tcp-connected', TCP],
    names: 'state:client:web',
    before: `fdStore.take('client'); fdStore.load('state')`,
    serve: WEB,
    answers: ['web'],
  },
  'a name with a space, a dot and an escape': {
    specs: ['sealed:state', TCP],
    names: 'a b.c:my\\\\x2dapp.socket',
    serve: `serve(web, { ...options, name: 'my\\\\x2dapp.socket' })`,
    answers: ['web'],
  },
  'TCP and UDP of one name, a server each, and workers': {
    specs: [TCP, 'udp:127.0.0.1:0'],
    names: 'dns:dns',
    serve: LIST('{ server: web }', '{ server: echo }'),
    options: 'workers: 2',
    answers: ['web', 'echo'],
  },
  'two names, a server each, one of them on its fallback, and workers': {
    specs: [TCP],
    names: 'web',
    serve: LIST(`{ server: web, name: 'web' }`, `{ server: metrics, ${FALLBACK} }`),
    options: 'workers: 2',
    answers: ['web', 'metrics'],
    activated: false,
  },
};

/** How the service is stopped. */
interface Ending {
  readonly before?: string;
  readonly options?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Stops the service while requests are under way. */
  readonly act: (service: RunningService) => Promise<void> | void;
  readonly warnings?: readonly string[];
  readonly reason: string;
}

const terminate = (service: RunningService) => service.signal('SIGTERM');
const stopping = (service: RunningService) =>
  service.manager.until(({ message }) => message.startsWith('STOPPING=1'));

const endings: Readonly<Record<string, Ending>> = {
  SIGTERM: { act: terminate, reason: 'SIGTERM' },
  'SIGTERM twice': {
    act: async (service) => {
      terminate(service);
      await stopping(service);
      terminate(service);
    },
    reason: 'SIGTERM',
  },
  'SIGINT and then SIGTERM': {
    act: async (service) => {
      service.signal('SIGINT');
      await stopping(service);
      terminate(service);
    },
    reason: 'SIGINT',
  },
  'stop() by the program': { act: (service) => service.signal('SIGUSR2'), reason: 'told' },
  'SIGTERM with a check, beside a watchdog of the program': {
    env: { WATCHDOG_USEC: '2000000' },
    before: 'watchdog.start({ interval: 20 })',
    options: 'watchdog: { interval: 20, check: () => true }',
    act: terminate,
    reason: 'SIGTERM',
  },
  'SIGTERM during a reload': {
    options: 'reload: () => sleep(100)',
    act: (service) => {
      service.signal('SIGHUP');
      terminate(service);
    },
    reason: 'SIGTERM',
  },
  'SIGTERM that another package handles': {
    before: `process.on('SIGTERM', () => say({ foreign: true }))`,
    options: `signals: 'take'`,
    act: terminate,
    reason: 'SIGTERM',
  },
  'SIGTERM with a broken stderr': {
    before: 'process.stderr.destroy()',
    options: 'status: () => { throw new Error("no status") }',
    act: terminate,
    warnings: ['ERR_SYSTEMD_HOOK'],
    reason: 'SIGTERM',
  },
};

let sockets = 0;

function start(situation: Situation, ending: Ending): Promise<RunningService> {
  const { specs, names } = situation;
  const path = join(folder, `${++sockets}.sock`);
  const options = [situation.options, ending.options].filter(Boolean).join(', ');
  return startProgram([join(import.meta.dirname, 'programs/combination.mjs')], {
    specs: specs.map((spec) => spec.replace('PATH', path)),
    ...(names === undefined ? {} : { names }),
    ...(specs.length === 0 ? { pid: 'none', fds: 'none' } : {}),
    env: {
      ...ending.env,
      COMBINATION: JSON.stringify({
        before: [situation.before, ending.before].filter(Boolean).join('; '),
        serve: situation.serve,
        options: `{ ${options} }`,
      }),
    },
  });
}

function reachable(address: Address): Reachable {
  if ('path' in address) return { path: address.path as string };
  const { address: host, port } = address as { address: string; port: number };
  return { host, port };
}

/** Sends a datagram. Returns the answer. */
async function echoed(address: Address): Promise<string> {
  const { address: host, port } = address as { address: string; port: number };
  const socket = createSocket('udp4');
  try {
    socket.send('a datagram', port, host);
    const [answer] = await once(socket, 'message');
    return String(answer);
  } finally {
    socket.close();
  }
}

describe.each(Object.entries(situations))('%s', (_what, situation) => {
  test.concurrent.each(Object.entries(endings))('ended by %s', async (_how, ending) => {
    await using service = await start(situation, ending);
    const { activated, addresses } = await service.readUntil((line) => 'activated' in line);
    expect(activated).toBe(situation.activated ?? true);
    const served = addresses as readonly Address[];
    expect(served).toHaveLength(situation.answers.length);

    const clients: [Client, string][] = [];
    for (const [i, who] of situation.answers.entries()) {
      const address = served[i] as Address;
      if (who === 'echo') expect(await echoed(address)).toBe('a datagram');
      else clients.push([await Client.connect(reachable(address)), who]);
    }
    for (const [client] of clients) client.get('/300');
    for (const _client of clients) await service.readUntil((line) => 'request' in line);

    await ending.act(service);
    for (const [client, who] of clients) await client.until(`answer of ${who}.`);
    expect(await service.ended()).toEqual({ code: 0, signal: null });

    expect(service.notifications.filter((message) => message.startsWith('STOPPING=1'))).toEqual([
      expect.stringContaining(`Stopping: ${ending.reason}`),
    ]);
    const codes = service.lines
      .filter((line: Line) => 'warning' in line)
      .map((line) => line.warning);
    const right = [...(situation.warnings ?? []), ...(ending.warnings ?? [])];
    expect([...new Set(codes)].sort()).toEqual([...new Set(right)].sort());
  });
});
