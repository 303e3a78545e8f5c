// Units that combine several features, under a real manager. Each is restarted, reloaded and stopped while requests
// are under way: no request is lost, and the service never fails.
import { writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { type Bed, describeInBed, VERSION } from './bed.ts';
import { REPOSITORY } from './manager.mjs';

interface Kind {
  /** The lines of the [Socket] section of each socket unit. {PORT} stands for a port that only this unit uses. */
  readonly sockets?: readonly string[];
  /** Further lines of the [Service] section. */
  readonly lines?: readonly string[];
  /** Code before the call of serve(), the call, and its options; see programs/combination.mjs of test/service. */
  readonly before?: string;
  readonly serve?: string;
  readonly options?: string;
  /** The sockets that respond: ports as offsets to {PORT}, and paths. Default: [0]. */
  readonly answers?: readonly (number | string)[];
  /** The number of descriptors in the fd store once the service serves. Default: 0. */
  readonly stored?: number;
  /** Reload by a signal, because for each ExecReload= command systemd would make the socket on stdin blocking. */
  readonly reloadsBySignal?: boolean;
  /** Started by `systemctl start` instead of its first request. */
  readonly startsByCommand?: boolean;
  /** The first version of systemd that knows the directives. */
  readonly since?: number;
}

const TCP = 'ListenStream=127.0.0.1:{PORT}';
const STORE = 'FileDescriptorStoreMax=8';
const WORKERS = 'workers: 2';

/** The directives of a hardened unit, without the directives about the network. */
const HARDENED = [
  'DynamicUser=yes',
  'UMask=0077',
  'ProtectHome=yes',
  'PrivateDevices=yes',
  'PrivateMounts=yes',
  'ProtectProc=invisible',
  'CapabilityBoundingSet=',
  'ProtectClock=yes',
  'ProtectControlGroups=yes',
  'ProtectHostname=yes',
  'ProtectKernelLogs=yes',
  'ProtectKernelModules=yes',
  'ProtectKernelTunables=yes',
  'LockPersonality=yes',
  'RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK',
  'RestrictNamespaces=yes',
  'RestrictRealtime=yes',
  'SystemCallArchitectures=native',
  'SystemCallErrorNumber=EPERM',
  'SystemCallFilter=@system-service @pkey',
  'SystemCallFilter=~@privileged @resources',
];

const kinds: Readonly<Record<string, Kind>> = {
  'one socket': {},
  'one socket, and workers': { options: WORKERS },
  'a socket unit of two sockets': {
    sockets: [`${TCP}\nListenStream=/run/two-{PORT}.sock`],
    answers: [0, '/run/two-{PORT}.sock'],
  },
  'a socket unit of two sockets, and workers': {
    sockets: [`${TCP}\nListenStream=/run/two-{PORT}.sock`],
    answers: [0, '/run/two-{PORT}.sock'],
    options: WORKERS,
  },
  'two socket units': {
    sockets: [
      `${TCP}\nFileDescriptorName=web`,
      'ListenStream=127.0.0.1:{PORT+1}\nFileDescriptorName=metrics',
    ],
    serve: `serve([{ server: web, name: 'web' }, { server: metrics, name: 'metrics' }], options)`,
    answers: [0, 1],
  },
  'TCP and UDP of one unit': {
    sockets: [`${TCP}\nListenDatagram=127.0.0.1:{PORT}`],
    serve: 'serve([{ server: web }, { server: echo }], options)',
  },
  'a state that each start saves': {
    lines: [STORE],
    before: `fdStore.load('state')`,
    serve: `serve(web, options).then((service) => (fdStore.save('state', new Uint8Array(9)), service))`,
    stored: 1,
  },
  'a state that nobody loads, whose name has a backslash': {
    lines: [STORE],
    serve: `serve(web, options).then((service) => (fdStore.save('a\\\\b', new Uint8Array(9)), service))`,
    stored: 1,
  },
  'a listener in the store, without a socket unit': {
    sockets: [],
    startsByCommand: true,
    lines: [STORE],
    serve: `serve(web, { ...options, fallback: { port: {PORT}, host: '127.0.0.1' } }).then((service) => {
      if (!service.activated) fdStore.add('web', web);
      return service;
    })`,
    stored: 1,
  },
  'the socket as standard input': { lines: ['StandardInput=socket', 'StandardOutput=journal'] },
  'the socket as standard input, and workers': {
    lines: ['StandardInput=socket', 'StandardOutput=journal'],
    options: WORKERS,
    reloadsBySignal: true,
  },
  'a socket unit of two sockets, a state in the store, and workers': {
    sockets: [`${TCP}\nListenStream=/run/two-{PORT}.sock`],
    answers: [0, '/run/two-{PORT}.sock'],
    lines: [STORE],
    before: `if (cluster.isPrimary) fdStore.load('state')`,
    serve: `serve(web, options).then((service) => {
      if (cluster.isPrimary) fdStore.save('state', new Uint8Array(9));
      return service;
    })`,
    options: WORKERS,
    stored: 1,
  },
  'a file by OpenFile=': { lines: ['OpenFile=/etc/hostname:hostname:read-only'], since: 253 },
  'a hardened unit': { lines: HARDENED },
  'a hardened unit with workers': { lines: HARDENED, options: WORKERS },
  'a filter that kills, and workers': {
    lines: ['SystemCallFilter=@system-service @pkey'],
    options: WORKERS,
  },
  'a stop command that sends the signal before the manager does': {
    lines: ['ExecStop=/bin/kill -TERM $MAINPID'],
  },
  'SIGHUP with each SIGTERM': { lines: ['SendSIGHUP=yes'] },
  'workers that the manager signals, too': { lines: ['KillMode=control-group'], options: WORKERS },
  'workers that the manager leaves to their primary': {
    lines: ['KillMode=mixed'],
    options: WORKERS,
  },
  'a watchdog with a check, and workers': {
    lines: ['WatchdogSec=3'],
    options: `${WORKERS}, watchdog: { check: () => true }`,
  },
};

let lastPort = 21_000;

/** A service that was started, and requests to its sockets. */
class Started {
  readonly #bed: Bed;
  readonly unit: string;
  readonly #answers: readonly (number | string)[];
  #requests = 0;

  constructor(bed: Bed, unit: string, answers: readonly (number | string)[]) {
    this.#bed = bed;
    this.unit = unit;
    this.#answers = answers;
  }

  /** Sends a request to each socket at once. Each response takes this many milliseconds. */
  request(milliseconds: number): Promise<string[]> {
    return this.#bed.evaluate(`
      import { request } from 'node:http';
      import { text } from 'node:stream/consumers';
      const send = (to) => new Promise((resolve) => {
        const options = typeof to === 'number' ? { host: '127.0.0.1', port: to } : { socketPath: to };
        request({ ...options, path: '/${milliseconds}' }, (response) => resolve(text(response)))
          .on('error', ({ code }) => resolve(code))
          .end();
      });
      result(await Promise.all(${JSON.stringify(this.#answers)}.map(send)));
    `);
  }

  /** Calls `act` while a request to each socket is under way. Returns the responses. */
  async requestDuring(act: () => Promise<unknown>): Promise<string[]> {
    const milliseconds = 600 + ++this.#requests; // unique, so that the service's log shows these requests
    const answers = this.request(milliseconds);
    const line = `{"request":"/${milliseconds}"}`;
    while ((await this.#bed.journal(this.unit)).split(line).length <= this.#answers.length);
    await act();
    return await answers;
  }

  async expectAnswers(answers: Promise<string[]>): Promise<void> {
    expect(await answers).toEqual(this.#answers.map(() => expect.stringMatching(/^answer of/)));
  }
}

async function start(bed: Bed, kind: Kind): Promise<Started> {
  lastPort += 2;
  const port = lastPort; // other tests run at the same time
  const name = `combination-${port}`;
  const fill = (text: string) =>
    text.replaceAll('{PORT+1}', String(port + 1)).replaceAll('{PORT}', String(port));
  const { sockets = [TCP], lines = [], answers = [0], startsByCommand = false } = kind;
  const program = `/run/${name}.json`;
  const { before = '', serve = 'serve(web, options)', options = '' } = kind;
  const json = {
    before,
    serve: fill(serve),
    options: `{ ${['reload() {}', options].join(', ')} }`,
  };
  await writeFile(bed.path(program), JSON.stringify(json));
  const socketUnits = sockets.map((socket, i) => [
    `${name}-${i}.socket`,
    `[Socket]\n${fill(socket)}\nService=${name}.service\n`,
  ]);
  await bed.add({
    ...Object.fromEntries(socketUnits),
    [`${name}.service`]: [
      '[Unit]',
      ...socketUnits.map(([unit]) => `Requires=${unit}`),
      '[Service]',
      'Type=notify',
      `Sockets=${socketUnits.map(([unit]) => unit).join(' ')}`,
      `WorkingDirectory=${REPOSITORY}`,
      `ExecStart=/usr/bin/node test/service/programs/combination.mjs ${program}`.replace(
        'test/',
        `${REPOSITORY}/test/`,
      ),
      'ExecReload=/bin/kill -HUP $MAINPID',
      'TimeoutStopSec=20',
      ...lines,
      '',
    ].join('\n'),
  });
  for (const [unit] of socketUnits) await bed.systemctl('start', unit as string);
  if (startsByCommand) await bed.systemctl('start', `${name}.service`);
  const places = answers.map((at) => (typeof at === 'number' ? port + at : fill(at)));
  return new Started(bed, `${name}.service`, places);
}

describeInBed('a service with', [], (bed) => {
  const supported = Object.entries(kinds).filter(([, { since = 0 }]) => VERSION >= since);

  test.concurrent.each(supported)(
    '%s is restarted, reloaded and stopped without the loss of a request',
    async (_kind, kind) => {
      const started = await start(bed(), kind);
      const { unit } = started;
      await started.expectAnswers(started.request(0));
      for (const verb of ['restart', 'reload', 'restart', 'stop']) {
        const bySignal = verb === 'reload' && kind.reloadsBySignal;
        const command = bySignal ? ['kill', '--signal=HUP', '--kill-whom=main'] : [verb];
        await started.expectAnswers(started.requestDuring(() => bed().systemctl(...command, unit)));
        if (verb === 'stop') break;
        await started.expectAnswers(started.request(0));
        const { NFileDescriptorStore } = await bed().show(unit);
        expect(NFileDescriptorStore).toBe(kind.stored ?? 0);
      }
      const { Result, ExecMainStatus, NRestarts, ActiveState } = await bed().show(unit);
      expect({ Result, ExecMainStatus, NRestarts, ActiveState }).toEqual({
        Result: 'success',
        ExecMainStatus: 0,
        NRestarts: 0,
        ActiveState: 'inactive',
      });
    },
  );
});
