// winston with JournalTransport, to a receiver that is not journald.
import { expect, test } from 'vitest';
import { inPrivateRun } from './private-run.ts';
import { withReceiver } from './with-receiver.ts';

const IMPORTS = `
  import winston from 'winston';
  import { JournalTransport } from 'libsystemd/winston';
`;

/** The entries that a program has made with `logger`, a winston with these options, and these of the transport. */
async function entriesOf(source: string, logger = '{}', transport = '{}'): Promise<unknown> {
  const [entries] = await withReceiver(`${IMPORTS}
    const logger = winston.createLogger({ ...${logger}, transports: [new JournalTransport(${transport})] });
    ${source}
    logger.end();
    await new Promise((resolve) => logger.on('finish', resolve));
    say(await receiver.objects());`);
  return entries;
}

const prioritiesOf = (entries: unknown) =>
  (entries as Record<string, string>[]).map((one) =>
    [one['MESSAGE'], one['PRIORITY'], one['LEVEL']].join(),
  );

test.concurrent.each([
  [
    'npm',
    `{ level: 'silly' }`,
    ['error', 'warn', 'info', 'http', 'verbose', 'debug', 'silly'],
    [3, 4, 6, 6, 7, 7, 7],
  ],
  [
    'syslog',
    `{ level: 'debug', levels: winston.config.syslog.levels }`,
    ['emerg', 'alert', 'crit', 'error', 'warning', 'notice', 'info', 'debug'],
    [0, 1, 2, 3, 4, 5, 6, 7],
  ],
  [
    'of its own',
    `{ level: 'idle', levels: { fatal: 0, audit: 1, idle: 2, constructor: 3 } }`,
    ['fatal', 'audit', 'idle'],
    [2, 5, 6],
  ],
])(
  'each level of a logger with levels %s has its priority',
  async (_which, logger, levels, priorities) => {
    const source = `for (const level of ${JSON.stringify(levels)}) logger.log(level, level);`;
    const entries = await entriesOf(source, logger, `{ levels: { audit: 'notice' } }`);
    expect(prioritiesOf(entries)).toEqual(
      levels.map((level, i) => `${level},${priorities[i]},${level}`),
    );
  },
);

test.concurrent('keys become fields, and colours and timestamps are left out', async () => {
  const logger = `{ format: winston.format.combine(winston.format.timestamp(), winston.format.colorize({ all: true })), defaultMeta: { service: 'shop' } }`;
  const source = `logger.child({ requestId: 7 }).warn('hello', { nested: { a: [1n === 1n] }, text: 'a\\nPRIORITY=0', priority: 0, bytes: Buffer.from('b') });`;
  expect(await entriesOf(source, logger)).toEqual([
    {
      SYSLOG_IDENTIFIER: 'node',
      MESSAGE: 'hello',
      PRIORITY: '4',
      LEVEL: 'warn',
      SERVICE: 'shop',
      REQUESTID: '7',
      NESTED: '{"a":[true]}',
      TEXT: 'a\nPRIORITY=0',
      LOG_PRIORITY: '0',
      BYTES: 'b',
    },
  ]);
});

test.concurrent('an error has its fields, however it is passed', async () => {
  const source = `
    const error = Object.assign(new TypeError('broken'), { code: 'E_X' });
    logger.error(error);
    logger.error('text', error);
    logger.error('text', { error });
    logger.log({ level: 'error', message: error });`;
  const stack = expect.stringMatching(/^TypeError: broken\n {4}at /);
  const entries = await entriesOf(source);
  expect(entries).toMatchObject([
    { MESSAGE: 'broken', ERROR_TYPE: 'TypeError', ERROR_CODE: 'E_X', ERROR_STACK: stack },
    { MESSAGE: 'text broken', ERROR_STACK: stack },
    { MESSAGE: 'text', ERROR_TYPE: 'TypeError', ERROR_CODE: 'E_X', ERROR_STACK: stack },
    { MESSAGE: 'broken', ERROR_TYPE: 'TypeError', ERROR_CODE: 'E_X', ERROR_STACK: stack },
  ]);
});

/** Values whose JSON or own code throws, by what shows them in an entry. */
const HOSTILE = `
  const circle = {};
  circle.circle = circle;
  const getter = { get a() { throw new Error('of a getter'); } };
  const json = { toJSON() { throw new Error('of toJSON'); } };
  const moved = new Uint8Array(2);
  structuredClone(moved.buffer, { transfer: [moved.buffer] });
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  const plain = winston.createLogger({ format: winston.format((info) => info)(), transports: [new JournalTransport()] });
`;

test.concurrent('values that have no JSON throw nothing', async () => {
  const source = `${HOSTILE}
    logger.info('x', { circle, big: 10n, nested: { big: 10n }, call: () => {}, symbol: Symbol('s'), moved });
    plain.info('x', { getter, json, proxy });
    plain.error('x', { error: getter });
    plain.error('x', { error: proxy });`;
  expect(await entriesOf(source)).toMatchObject([
    {
      CIRCLE: expect.stringContaining('[Circular'),
      BIG: '10',
      NESTED: '{ big: 10n }',
      SYMBOL: 'Symbol(s)',
      MOVED: expect.any(String),
    },
    {
      GETTER: expect.stringContaining('[Getter]'),
      JSON: expect.stringContaining('toJSON'),
      PROXY: '<Revoked Proxy>',
    },
    { MESSAGE: 'x', ERROR_A: 'of a getter' },
    { MESSAGE: 'x', ERROR_MESSAGE: '<Revoked Proxy>' },
  ]);
});

test.concurrent('messages that are no text throw nothing', async () => {
  const source = `${HOSTILE}
    for (const message of [10n, circle, getter, json, proxy, Symbol('s'), undefined, null, 7, { a: 1 }, new Error('x')])
      plain.log({ level: 'info', message });`;
  expect(
    ((await entriesOf(source)) as Record<string, string>[]).map((one) => one['MESSAGE']),
  ).toEqual([
    '10',
    expect.stringContaining('[Circular'),
    expect.stringContaining('[Getter]'),
    expect.stringContaining('toJSON'),
    '<Revoked Proxy>',
    'Symbol(s)',
    'undefined',
    'null',
    '7',
    '{"a":1}',
    'x',
  ]);
});

test.concurrent('common fields leave room for those of an entry', async () => {
  const common = `Object.fromEntries(Array.from({ length: 1_000 }, (_, i) => ['C' + i, i]))`;
  const source = `logger.error('all there', { error: Object.assign(new Error('x'), { code: 'E_X', errno: -2 }), id: 7 });`;
  const [entry = {}] = (await entriesOf(source, '{}', `{ fields: ${common} }`)) as Record<
    string,
    string
  >[];
  expect(Object.keys(entry).length).toBeLessThanOrEqual(1_024);
  expect(entry).toMatchObject({
    MESSAGE: 'all there',
    LEVEL: 'error',
    ERROR_CODE: 'E_X',
    C999: '999',
  });
  expect(JSON.parse(entry['FURTHER_FIELDS'] ?? '')).toEqual({ id: 7 });
});

test.concurrent('uncaught errors are entries too, if the transport handles them', async () => {
  const source = `${IMPORTS}
    const receiver = await Receiver.start();
    winston.createLogger({ exitOnError: false, transports: [new JournalTransport({ handleExceptions: true, identifier: 'shop', prefix: 'X_', fields: { RELEASE: 1 } })] });
    setTimeout(() => { throw new RangeError('nobody caught it'); });
    const [entry] = await receiver.objects(1);
    say([entry.PRIORITY, entry.ERROR_TYPE, entry.SYSLOG_IDENTIFIER, entry.X_EXCEPTION, entry.RELEASE]);
    process.exit();`;
  const { said } = await inPrivateRun(source);
  expect(said).toEqual([['3', 'RangeError', 'shop', 'true', '1']]);
});

test.concurrent('without a journal nothing happens, and all entries are "logged"', async () => {
  const source = `${IMPORTS}
    const transport = new JournalTransport();
    transport.on('logged', ({ message }) => say([message, transport.waiting, transport.dropped]));
    winston.createLogger({ transports: [transport] }).info('x');`;
  expect(await inPrivateRun(source)).toMatchObject({ said: [['x', 0, 0]], stderr: '', code: 0 });
});

test.concurrent('wrong options are refused', async () => {
  const source = `${IMPORTS}
    const wrong = [{ lvl: 1 }, { levels: { a: 'loud' } }, { levels: 1 }, { prefix: 1 }, { identifier: 1 }, { fields: Object.fromEntries(Array.from({ length: 1_001 }, (_, i) => ['C' + i, i])) }];
    say(wrong.map((options) => { try { new JournalTransport(options); } catch ({ code }) { return code; } }));`;
  const value = 'ERR_INVALID_ARG_VALUE';
  const type = 'ERR_INVALID_ARG_TYPE';
  expect((await inPrivateRun(source)).said).toEqual([
    [value, value, type, type, type, 'ERR_OUT_OF_RANGE'],
  ]);
});
