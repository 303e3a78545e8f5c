// The part cold: how long the first client of a stopped service waits, from connect(2) to the first byte. The servers
// differ in how they take their socket. Each measurement starts a new process.
import { inBed, service, socket, whyNoBed } from './bed.mjs';
import { median } from './rounds.mjs';

const ROUNDS = 40;
const TARGET = { times: 1.05 };

/** The [Service] lines for servers that notify the manager. servers/bare.mjs and empty.mjs do not. */
const MANAGED = ['Type=notify', 'WatchdogSec=10'];

const servers = [
  { name: 'bare', port: 8001, lines: [] },
  { name: 'empty', port: 8002, lines: [] },
  { name: 'listen', port: 8003, lines: MANAGED },
  { name: 'serve', port: 8004, lines: MANAGED },
];

const units = Object.fromEntries(
  servers.flatMap(({ name, port, lines }) => [
    [`${name}.socket`, socket(port)],
    [`${name}.service`, service(name, ...lines)],
  ]),
);

export async function coldActivation(most) {
  const reason = whyNoBed();
  if (reason !== undefined) {
    console.error(`cold: not measured, because ${reason}`);
    return [];
  }
  const times = await inBed(units, async (bed) => {
    await bed.run('systemctl', 'start', ...servers.map(({ name }) => `${name}.socket`));
    const targets = servers.map(({ name, port }) => `${name}=${port}`);
    return await bed.runForJson('cold-client.mjs', Math.min(ROUNDS, most), ...targets);
  });
  const [plain, empty, listen, serve] = times.map(median);
  const row = (how, node, rest) => ({
    what: `cold activation, ${how}`,
    unit: 'ms',
    node,
    plain,
    ...rest,
  });
  return [
    row('`import` of an empty package', empty),
    row('`listen()`, `notify.ready()`, `watchdog.start()`', listen, { target: TARGET }),
    row('`serve()`', serve, { target: TARGET, brief: ['plain'] }),
  ];
}
