// What two features do together, under a real manager: units of many kinds, each restarted, told to
// reload and stopped while requests are under way. No request is lost, and the service never fails.
import { writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { type Bed, describeInBed, VERSION } from './bed.ts';
import { REPOSITORY } from './manager.mjs';

interface Kind {
  /** Lines of [Socket] sections, one unit each, without names. {PORT} is a port of this test's own. */
  readonly sockets?: readonly string[];
  /** More lines of the [Service] section. */
  readonly lines?: readonly string[];
  readonly before?: string;
  readonly serve?: string;
  readonly options?: string;
  /** The ports, as offsets to {PORT}, and paths that answer. Default: [0]. */
  readonly answers?: readonly (number | string)[];
  /** What is in the fd store once it serves. */
  readonly stored?: number;
  /** No ExecReload=: for each command systemd would make the socket of standard input blocking. */
  readonly hasNoCommands?: boolean;
  /** Started by `systemctl start` and not by its first request. */
  readonly byHand?: boolean;
  /** The first version of systemd that knows the directives. */
  readonly since?: number;
}

const TCP = 'ListenStream=127.0.0.1:{PORT}';
const STORE = 'FileDescriptorStoreMax=8';
const WORKERS = 'workers: 2';

/** The hardened unit of docs/hardening, without what concerns the network. */
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
    byHand: true,
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
    hasNoCommands: true,
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

class Started {
  readonly #bed: Bed;
  readonly unit: string;
  readonly #answers: readonly (number | string)[];
  #asked = 0;

  constructor(bed: Bed, unit: string, answers: readonly (number | string)[]) {
    this.#bed = bed;
    this.unit = unit;
    this.#answers = answers;
  }

  /** Asks all sockets at once, with an answer that takes so many milliseconds. */
  ask(milliseconds: number): Promise<string[]> {
    return this.#bed.evaluate(`
      import { request } from 'node:http';
      import { text } from 'node:stream/consumers';
      const ask = (to) => new Promise((resolve) => {
        const options = typeof to === 'number' ? { host: '127.0.0.1', port: to } : { socketPath: to };
        request({ ...options, path: '/${milliseconds}' }, (response) => resolve(text(response)))
          .on('error', ({ code }) => resolve(code))
          .end();
      });
      result(await Promise.all(${JSON.stringify(this.#answers)}.map(ask)));
    `);
  }

  /** Does something while a request to each socket is under way, and gives the answers. */
  async askWhile(act: () => Promise<unknown>): Promise<string[]> {
    const milliseconds = 600 + ++this.#asked; // so that the service's line tells which requests these are
    const answers = this.ask(milliseconds);
    const line = `{"request":"/${milliseconds}"}`;
    while ((await this.#bed.journal(this.unit)).split(line).length <= this.#answers.length);
    await act();
    return await answers;
  }

  get #right(): unknown[] {
    return this.#answers.map(() => expect.stringMatching(/^answer of/));
  }

  async expectAnswers(answers: Promise<string[]>): Promise<void> {
    expect(await answers).toEqual(this.#right);
  }
}

async function start(bed: Bed, kind: Kind): Promise<Started> {
  lastPort += 2;
  const port = lastPort; // others start meanwhile
  const name = `combination-${port}`;
  const fill = (text: string) =>
    text.replaceAll('{PORT+1}', String(port + 1)).replaceAll('{PORT}', String(port));
  const { sockets = [TCP], lines = [], answers = [0], byHand = false } = kind;
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
  if (byHand) await bed.systemctl('start', `${name}.service`);
  const places = answers.map((at) => (typeof at === 'number' ? port + at : fill(at)));
  return new Started(bed, `${name}.service`, places);
}

describeInBed('under a manager', [], (bed) => {
  const here = Object.entries(kinds).filter(([, { since = 0 }]) => VERSION >= since);

  test.concurrent.each(here)(
    '%s: restarted, reloaded and stopped amid requests',
    async (_what, kind) => {
      const started = await start(bed(), kind);
      const { unit } = started;
      await started.expectAnswers(started.ask(0));
      for (const verb of ['restart', 'reload', 'restart', 'stop']) {
        const bySignal = verb === 'reload' && kind.hasNoCommands;
        const command = bySignal ? ['kill', '--signal=HUP', '--kill-whom=main'] : [verb];
        await started.expectAnswers(started.askWhile(() => bed().systemctl(...command, unit)));
        if (verb === 'stop') break;
        await started.expectAnswers(started.ask(0));
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
