// journalConsole(), to a receiver that is not journald.
import { expect, test } from 'vitest';
import { inPrivateRun } from './private-run.ts';
import { withReceiver } from './with-receiver.ts';

const IMPORTS = `import { journalConsole } from 'libsystemd/journal';`;

/** Runs a program whose console is `console`, and returns what the receiver got: messages by priority. */
async function printed(source: string, options = `{ mode: 'native' }`): Promise<unknown> {
  const [entries] = await withReceiver(`${IMPORTS}
    const journaled = journalConsole(${options});
    ${source}
    journaled.restore();
    say((await receiver.objects()).map(({ MESSAGE, PRIORITY }) => [PRIORITY, MESSAGE]));`);
  return entries;
}

test.concurrent('each method has its priority', async () => {
  const source = `
    for (const method of ['error', 'warn', 'info', 'log', 'debug']) console[method](method);
    console.assert(false, 'assert');
    console.dir({ a: 1 });
    console.count('count');
    console.table([[1]]);`;
  expect(await printed(source)).toEqual([
    ['3', 'error'],
    ['4', 'warn'],
    ['6', 'info'],
    ['6', 'log'],
    ['7', 'debug'],
    ['4', 'Assertion failed: assert'],
    ['6', '{ a: 1 }'],
    ['6', 'count: 1'],
    ['6', expect.stringContaining('(index)')],
  ]);
});

test.concurrent('a text of many lines is one entry, with its format and its indentation, and without colours', async () => {
  const source = `
    console.error('%s and %d\\n<0>forged', 'text', 7);
    console.group('group');
    console.log('\\u001b[31mred\\u001b[39m');
    console.groupEnd();
    console.trace('here');
    console.log(new Error('x'));`;
  const entries = await printed(source);
  expect(entries).toEqual([
    ['3', 'text and 7\n<0>forged'],
    ['6', 'group'],
    ['6', '  red'],
    ['7', expect.stringMatching(/^Trace: here\n {4}at /)],
    ['6', expect.stringMatching(/^Error: x\n {4}at /)],
  ]);
});

test.concurrent('restore() gives the console back, and leaves what others have put in its place', async () => {
  const source = `${IMPORTS}
    const { log, error, warn } = console;
    const journaled = journalConsole({ mode: 'native', identifier: 'me' });
    const { log: replaced } = console;
    const other = (...args) => replaced('other', ...args);
    console.warn = other;
    journaled.restore();
    journaled.restore();
    say([console.log === log, console.error === error, console.warn === other, replaced !== log]);
    replaced(JSON.stringify('not an entry'));
    {
      const again = journalConsole({ mode: 'native', identifier: 'me' });
      console.log('an entry');
      again[Symbol.dispose]();
    }
    say([console.log === log, await receiver.objects()]);`;
  expect(await withReceiver(source)).toEqual([
    [true, true, true, true],
    'not an entry',
    [true, [{ MESSAGE: 'an entry', PRIORITY: '6', SYSLOG_IDENTIFIER: 'me' }]],
  ]);
});

test.concurrent('called twice it makes one entry of a text', async () => {
  const source = `const again = journalConsole({ mode: 'native' }); console.error('once'); again.restore(); console.error('twice');`;
  expect(await printed(source)).toEqual([
    ['3', 'once'],
    ['3', 'twice'],
  ]);
});

test.concurrent('a value that prints while it is printed belongs to the same text', async () => {
  const source = `
    const value = { [Symbol.for('nodejs.util.inspect.custom')]: () => { console.log('inner'); return 'outer'; } };
    console.log(value);
    const throwing = { [Symbol.for('nodejs.util.inspect.custom')]: () => { throw new Error('x'); } };
    try { console.log(throwing); } catch {}
    console.log('after');`;
  expect(await printed(source)).toEqual([
    ['6', 'inner\nouter'],
    ['6', 'after'],
  ]);
});

test.concurrent('mode "prefix" puts the priority before each line', async () => {
  const source = `${IMPORTS}
    journalConsole({ mode: 'prefix' });
    console.error('a\\nb');
    console.warn('c');
    console.debug('no line');`;
  const { stderr } = await inPrivateRun(source.replace(/console.debug.*/, ''));
  expect(stderr).toBe('<3>a\n<3>b\n<4>c\n');
});

test.concurrent.each([
  ['the priority err', '', '<3>'],
  ['none if Node has printed one before', "process.emitWarning('first'); await sleep(1);", ''],
])('a warning of Node has %s', async (_what, before, prefix) => {
  const source = `${IMPORTS} ${before} journalConsole({ mode: 'prefix' }); process.emitWarning('second');`;
  const { stderr } = await inPrivateRun(source);
  expect(stderr.split('\n').filter((line) => line.endsWith('second'))).toEqual([
    expect.stringMatching(new RegExp(`^${prefix}\\(node:`)),
  ]);
});

test.concurrent.each([
  ['off', ''],
  ['auto, where nothing goes to the journal', '1:1'],
])('mode %s changes nothing', async (mode, stream) => {
  const source = `${IMPORTS}
    const { log, error } = console;
    journalConsole({ mode: '${mode.split(',')[0]}' });
    say([log === console.log, error === console.error]);`;
  expect(await withReceiver(source, { env: { JOURNAL_STREAM: stream } })).toEqual([[true, true]]);
});

test.concurrent('mode "auto" changes the methods of the stream that goes to the journal', async () => {
  const source = `${IMPORTS}
    import { fstatSync } from 'node:fs';
    const { dev, ino } = fstatSync(2, { bigint: true });
    process.env.JOURNAL_STREAM = dev + ':' + ino;
    const { log } = console;
    journalConsole();
    console.error('to the journal');
    say([log === console.log, await receiver.objects()]);`;
  expect(await withReceiver(source)).toEqual([
    [true, [{ MESSAGE: 'to the journal', PRIORITY: '3', SYSLOG_IDENTIFIER: 'node' }]],
  ]);
});

test.concurrent('without a journal a text goes where it went', async () => {
  const source = `${IMPORTS} journalConsole({ mode: 'native' }); console.error('x'); say('y');`;
  expect(await inPrivateRun(source)).toMatchObject({ said: ['y'], stderr: 'x\n' });
});

test.concurrent('without the add-on a text goes where it went, and one warning says why', async () => {
  const source = `${IMPORTS}
    journalConsole({ mode: 'native' });
    console.error('first');
    console.error('second');
    console.log('"third"');
    await sleep(10);
    say(warnings.map(({ code }) => code));
    process.exit();`;
  const program = `await Receiver.start();${source}`;
  const { said, stderr, code } = await inPrivateRun(program, { args: ['--no-addons'] });
  expect([said, code]).toEqual([['third', ['ERR_SYSTEMD_ADDON']], 0]);
  expect(stderr).toMatch(/^first\nsecond\n/);
});

test.concurrent('another console may be given', async () => {
  const source = `
    import { Console } from 'node:console';
    import { PassThrough } from 'node:stream';
    ${IMPORTS}
    const own = new Console({ stdout: new PassThrough(), stderr: new PassThrough() });
    const { error } = console;
    journalConsole({ console: own, mode: 'native' });
    own.error('of its own');
    say([error === console.error, await receiver.values('MESSAGE')]);`;
  expect(await withReceiver(source)).toEqual([[true, ['of its own']]]);
});

test.concurrent('wrong options are refused', async () => {
  const source = `${IMPORTS}
    const wrong = [{ modes: 1 }, { mode: 'always' }, { console: {} }, { console: null }, { identifier: 1 }];
    say(wrong.map((options) => { try { journalConsole(options); } catch ({ code }) { return code; } }));`;
  const value = 'ERR_INVALID_ARG_VALUE';
  const type = 'ERR_INVALID_ARG_TYPE';
  expect((await inPrivateRun(source)).said).toEqual([[value, value, type, type, type]]);
});
