// The part cold: how long the first client of a stopped service waits, from connect(2) to the first byte. The servers
// differ in how they take their socket. Each measurement starts a new process.
import { inBed, service, socket, whyNoBed } from './bed.mjs';
import { median } from './rounds.mjs';

const ROUNDS = 40;
const FIRST_PORT = 8001;

/** The [Service] lines for servers that notify the manager. */
const MANAGED = ['Type=notify', 'WatchdogSec=10'];

/** The programs of servers/, with the [Service] lines. */
const servers = {
  'bare.mjs': [],
  'empty.mjs': [],
  'listen.mjs': MANAGED,
  'serve.mjs': MANAGED,
  'bare.cjs': [],
  'listen.cjs': MANAGED,
  'serve.cjs': MANAGED,
};

/** The socket and the service of each program, named like the program, for example serve-mjs. */
const sockets = Object.entries(servers).map(([program, lines], i) => {
  const [name, port] = [program.replace('.', '-'), FIRST_PORT + i];
  const units = {
    [`${name}.socket`]: socket(port),
    [`${name}.service`]: service(program, ...lines),
  };
  return { name, port, units };
});

const LISTEN = '`listen()`, `notify.ready()`, `watchdog.start()`';
const SERVE = '`serve()`';
const ESM = 'ES modules';
const COMMONJS = 'CommonJS';
const ALONE = { label: 'Node alone' };
const EMPTY = { label: 'Node, importing an empty package', inPlain: 'importing an empty package' };

/** The rows: what takes the socket, in which program, and the program of Node alone. */
const comparisons = [
  { how: LISTEN, group: ESM, node: 'listen.mjs', plain: 'empty.mjs', beside: EMPTY, times: 1.06 },
  { how: SERVE, group: ESM, node: 'serve.mjs', plain: 'empty.mjs', beside: EMPTY, times: 1.08 },
  { how: LISTEN, group: ESM, node: 'listen.mjs', plain: 'bare.mjs', beside: ALONE },
  { how: SERVE, group: ESM, node: 'serve.mjs', plain: 'bare.mjs', beside: ALONE },
  {
    how: LISTEN,
    group: COMMONJS,
    node: 'listen.cjs',
    plain: 'bare.cjs',
    beside: ALONE,
    times: 1.1,
  },
  { how: SERVE, group: COMMONJS, node: 'serve.cjs', plain: 'bare.cjs', beside: ALONE, times: 1.1 },
];

function rowOf({ how, group, node, plain, beside, times }, medianOf) {
  return {
    what: `cold activation${group === COMMONJS ? ' from CommonJS' : ''}, ${how}`,
    inPlain: beside.inPlain,
    unit: 'ms',
    node: medianOf(node),
    plain: medianOf(plain),
    target: times === undefined ? undefined : { times },
    brief: how === SERVE ? ['plain'] : [],
    plot: { chart: 'cold', group, node: how.replaceAll('`', ''), plain: beside.label },
  };
}

export async function coldActivation(most) {
  const reason = whyNoBed();
  if (reason !== undefined) {
    console.error(`cold: not measured, because ${reason}`);
    return [];
  }
  const units = Object.assign({}, ...sockets.map((one) => one.units));
  const times = await inBed(units, async (bed) => {
    await bed.run('systemctl', 'start', ...sockets.map(({ name }) => `${name}.socket`));
    const targets = sockets.map(({ name, port }) => `${name}=${port}`);
    return await bed.runForJson('cold-client.mjs', Math.min(ROUNDS, most), ...targets);
  });
  const programs = Object.keys(servers);
  const medianOf = (program) => median(times[programs.indexOf(program)]);
  return comparisons.map((comparison) => rowOf(comparison, medianOf));
}
