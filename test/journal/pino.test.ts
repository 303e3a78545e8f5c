// pino, with journalDestination() and with the transport libsystemd/pino, to a receiver that is not journald.
import { expect, test } from 'vitest';
import { inPrivateRun } from './private-run.ts';
import { withReceiver } from './with-receiver.ts';

const IMPORTS = `
  import pino from 'pino';
  import { journalDestination } from 'libsystemd/pino';
`;

/** The entries that a program has made with `logger`, a pino with these options, and these of the destination. */
async function entriesOf(source: string, pino = '{}', destination = '{}'): Promise<unknown> {
  const [entries] = await withReceiver(`${IMPORTS}
    const logger = pino(${pino}, journalDestination(${destination}));
    ${source}
    say(await receiver.objects());`);
  return entries;
}

const BY_NODE = { SYSLOG_IDENTIFIER: 'node' };

test.concurrent('each level has its priority, and custom ones have that of their number', async () => {
  const source = `
    for (const level of ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'notice', 'alert']) logger[level](level);`;
  const options = `{ level: 'trace', customLevels: { notice: 35, alert: 70 } }`;
  const entries = await entriesOf(source, options, `{ levels: { 35: 'notice' } }`);
  const found = (entries as Record<string, string>[]).map((one) => [
    one['MESSAGE'],
    one['PRIORITY'],
    one['LEVEL'],
  ]);
  expect(found).toEqual([
    ['trace', '7', '10'],
    ['debug', '7', '20'],
    ['info', '6', '30'],
    ['warn', '4', '40'],
    ['error', '3', '50'],
    ['fatal', '2', '60'],
    ['notice', '5', '35'],
    ['alert', '2', '70'],
  ]);
});

test.concurrent('a level that is written as a label has its priority too', async () => {
  const options = `{ formatters: { level: (label) => ({ level: label }) }, customLevels: { loud: 55 } }`;
  const source = `logger.error('a'); logger.loud('b'); logger.info('c');`;
  expect(await entriesOf(source, options, `{ levels: { info: 'notice' } }`)).toMatchObject([
    { MESSAGE: 'a', PRIORITY: '3', LEVEL: 'error' },
    { MESSAGE: 'b', PRIORITY: '3', LEVEL: 'loud' },
    { MESSAGE: 'c', PRIORITY: '5', LEVEL: 'info' },
  ]);
});

test.concurrent('keys become fields, without time, pid and hostname', async () => {
  const source = `
    logger.child({ requestId: 7, 'http.status': 200 }).info({ nested: { a: [1] }, no: null, yes: true, text: 'a\\nPRIORITY=0' }, 'hello');`;
  expect(await entriesOf(source, `{ name: 'app' }`)).toEqual([
    {
      ...BY_NODE,
      MESSAGE: 'hello',
      PRIORITY: '6',
      LEVEL: '30',
      NAME: 'app',
      REQUESTID: '7',
      HTTP_STATUS: '200',
      NESTED: '{"a":[1]}',
      YES: 'true',
      TEXT: 'a\nPRIORITY=0',
    },
  ]);
});

test.concurrent('redaction and serializers have been applied', async () => {
  const options = `{ redact: ['password', 'user.token'], serializers: { req: () => 'serialized' } }`;
  const source = `
    logger.child({ password: 'secret1' }).info({ user: { token: 'secret2', id: 1 }, req: { headers: 'secret3' } }, 'x');`;
  const entries = await entriesOf(source, options);
  expect(entries).toMatchObject([
    { PASSWORD: '[Redacted]', USER: '{"token":"[Redacted]","id":1}', REQ: 'serialized' },
  ]);
  expect(JSON.stringify(entries)).not.toMatch(/secret/);
});

test.concurrent('an error has its fields, also one that is all there is', async () => {
  const source = `
    const error = Object.assign(new TypeError('broken', { cause: new Error('inner') }), { code: 'E_X', errno: -2, status: 418 });
    logger.error(error);
    logger.warn({ err: error }, 'with text');
    logger.error({ err: 'only text' });`;
  const error = {
    ERROR_TYPE: 'TypeError',
    ERROR_MESSAGE: 'broken: inner',
    ERROR_CODE: 'E_X',
    ERRNO: '2',
    ERROR_STATUS: '418',
    ERROR_STACK: expect.stringMatching(/^TypeError: broken\n[\s\S]*caused by: Error: inner/),
  };
  const entries = (await entriesOf(source)) as Record<string, string>[];
  expect(entries).toMatchObject([
    { ...error, MESSAGE: 'broken', PRIORITY: '3' },
    { ...error, MESSAGE: 'with text', PRIORITY: '4' },
    { MESSAGE: '{}', ERROR_MESSAGE: 'only text', PRIORITY: '3' },
  ]);
});

test.concurrent('keys from outside choose neither priority nor identifier nor another process', async () => {
  const source = `
    const body = JSON.parse('{"priority":0,"message":"forged","syslog_identifier":"sshd","object_pid":1,"_pid":1,"code_file":"/x","message_id":"y","__proto__":{"a":1},"":"empty"}');
    logger.info(body, 'mine');`;
  expect(await entriesOf(source)).toEqual([
    {
      ...BY_NODE,
      MESSAGE: 'mine',
      PRIORITY: '6',
      LEVEL: '30',
      LOG_PRIORITY: '0',
      LOG_MESSAGE: 'forged',
      LOG_SYSLOG_IDENTIFIER: 'sshd',
      LOG_OBJECT_PID: '1',
      LOG_CODE_FILE: '/x',
      LOG_MESSAGE_ID: 'y',
      PID: '1',
      PROTO__: '{"a":1}',
      FIELD: 'empty',
    },
  ]);
});

test.concurrent('more keys than journald takes are one field', async () => {
  const source = `
    logger.info(Object.fromEntries(Array.from({ length: 5_000 }, (_, i) => ['k' + i, i])), 'many');`;
  const [entry = {}] = (await entriesOf(source)) as Record<string, string>[];
  expect(Object.keys(entry)).toHaveLength(1_001);
  expect(JSON.parse(entry['FURTHER_FIELDS'] ?? '')).toMatchObject({ k4999: 4999 });
});

test.concurrent('more properties of an error than journald takes are one field', async () => {
  const source = `
    const many = Object.fromEntries(Array.from({ length: 5_000 }, (_, i) => ['k' + i, i]));
    logger.error({ err: Object.assign(new Error('large'), many), id: 1 });`;
  const [entry = {}] = (await entriesOf(source)) as Record<string, string>[];
  expect(Object.keys(entry).length).toBeLessThanOrEqual(1_024);
  expect(entry).toMatchObject({ MESSAGE: 'large', ERROR_MESSAGE: 'large', ERROR_K0: '0' });
  expect(JSON.parse(entry['ERROR_FURTHER_FIELDS'] ?? '')).toMatchObject({ k4999: 4999 });
  expect(JSON.parse(entry['FURTHER_FIELDS'] ?? '')).toMatchObject({ id: 1 });
});

test.concurrent('common fields leave room for those of an entry', async () => {
  const common = `Object.fromEntries(Array.from({ length: 1_000 }, (_, i) => ['C' + i, i]))`;
  const source = `
    const error = Object.assign(new Error('x'), { code: 'E_X', status: 418 });
    logger.child({ bound: 1 }).error({ err: error, id: 7 }, 'all there');`;
  const [entry = {}] = (await entriesOf(source, '{}', `{ fields: ${common} }`)) as Record<
    string,
    string
  >[];
  expect(Object.keys(entry).length).toBeLessThanOrEqual(1_024);
  expect(entry).toMatchObject({ MESSAGE: 'all there', PRIORITY: '3', C999: '999' });
  expect(JSON.parse(entry['ERROR_FURTHER_FIELDS'] ?? '')).toMatchObject({ code: 'E_X' });
  expect(JSON.parse(entry['FURTHER_FIELDS'] ?? '')).toMatchObject({ bound: 1, id: 7 });
});

test.concurrent('a record without a text has its JSON as the message, and a line that is none is one', async () => {
  const source = `
    logger.info({ a: 1 });
    journalDestination().write('not JSON\\n');
    journalDestination().write('7\\n');`;
  expect(await entriesOf(source)).toMatchObject([
    { MESSAGE: '{"a":1}', A: '1' },
    { MESSAGE: 'not JSON', PRIORITY: '6' },
    { MESSAGE: '7', PRIORITY: '6' },
  ]);
});

test.concurrent('the options name the identifier, the fields, the prefix and the keys', async () => {
  const options = `{ messageKey: 'message', errorKey: 'error' }`;
  const destination = `{ identifier: 'shop', fields: { RELEASE: 1 }, prefix: 'SHOP_', messageKey: 'message', errorKey: 'error' }`;
  const source = `logger.error({ error: new Error('x'), a: 1 }, 'text');`;
  expect(await entriesOf(source, options, destination)).toMatchObject([
    {
      MESSAGE: 'text',
      SYSLOG_IDENTIFIER: 'shop',
      RELEASE: '1',
      SHOP_A: '1',
      SHOP_LEVEL: '50',
      ERROR_MESSAGE: 'x',
    },
  ]);
});

test.concurrent('nothing is lost at process.exit(), and flush() calls back', async () => {
  const source = `${IMPORTS}
    const destination = journalDestination();
    const logger = pino(destination);
    const taken = receiver.values('MESSAGE', 2_000);
    for (let i = 0; i < 2_000; i++) logger.info(String(i));
    await new Promise((resolve, reject) => logger.flush((error) => error ? reject(error) : resolve()));
    const all = await taken;
    say([all.length, all.at(-1), destination.waiting, destination.dropped]);
    for (let i = 0; i < 1_000; i++) logger.info('x');
    receiver.values('MESSAGE', 1_000);
    while (destination.waiting > 0) destination.flushSync();
    say(destination.waiting);
    logger.fatal('last');`;
  const { said, stderr } = await inPrivateRun(
    `const receiver = await Receiver.start();${source} process.exit();`,
  );
  expect([said, stderr]).toEqual([[[2_000, '1999', 0, 0], 0], '']);
});

test.concurrent('without a journal lines go to standard output, or to a stream', async () => {
  const source = `${IMPORTS}
    pino({ base: null, timestamp: false }, journalDestination()).info('to stdout');
    const lines = [];
    pino({ base: null, timestamp: false }, journalDestination({ fallback: { write: (line) => lines.push(line) } })).info('to a stream');
    say(lines);`;
  expect((await inPrivateRun(source)).said).toEqual([
    { level: 30, msg: 'to stdout' },
    ['{"level":30,"msg":"to a stream"}\n'],
  ]);
});

test.concurrent.each([
  ['ends', ''],
  ['calls process.exit()', 'process.exit();'],
  ['throws', `process.on('uncaughtException', () => process.exit()); throw new Error('x');`],
])('without a journal the transport loses no line of a program that %s', async (_how, end) => {
  const source = `${IMPORTS}
    const logger = pino({ base: null, timestamp: false }, pino.transport({ target: 'libsystemd/pino' }));
    for (let i = 0; i < 20_000; i++) logger.info(String(i));
    ${end}`;
  const { said } = await inPrivateRun(source);
  expect(said).toEqual(Array.from({ length: 20_000 }, (_, i) => ({ level: 30, msg: String(i) })));
});

test.concurrent('the transport sends from its thread, with its options, and all of it before it ends', async () => {
  const source = `${IMPORTS}
    const transport = pino.transport({ target: 'libsystemd/pino', options: { identifier: 'thread', levels: { 35: 'notice' }, prefix: 'T_' } });
    const logger = pino({ customLevels: { notice: 35 } }, transport);
    logger.notice({ é: 'ü' }, 'größe');
    logger.error(new Error('x'));
    const taken = receiver.objects(602);
    for (let i = 0; i < 600; i++) logger.info(String(i));
    transport.end();
    await new Promise((resolve) => transport.on('close', resolve));
    const all = await taken;
    say([all.length, all[0], all[1].PRIORITY, all[1].ERROR_MESSAGE, all.at(-1).MESSAGE]);`;
  expect(await withReceiver(source)).toEqual([
    [
      602,
      { MESSAGE: 'größe', PRIORITY: '5', SYSLOG_IDENTIFIER: 'thread', T_LEVEL: '35', T__: 'ü' },
      '3',
      'x',
      '599',
    ],
  ]);
});

test.concurrent('wrong options are refused', async () => {
  const source = `${IMPORTS}
    const wrong = [{ level: 1 }, { levels: { 35: 'loud' } }, { levels: 1 }, { prefix: 1 }, { messageKey: 1 }, { errorKey: 1 }, { fallback: 'stderr' }, { fallback: null }, { full: 'block' }, { fields: Object.fromEntries(Array.from({ length: 1_001 }, (_, i) => ['C' + i, i])) }];
    say(wrong.map((options) => { try { journalDestination(options); } catch ({ code }) { return code; } }));`;
  const value = 'ERR_INVALID_ARG_VALUE';
  const type = 'ERR_INVALID_ARG_TYPE';
  expect((await inPrivateRun(source)).said).toEqual([
    [value, value, type, type, type, type, type, type, value, 'ERR_OUT_OF_RANGE'],
  ]);
});
