// credentials, in a child process whose CREDENTIALS_DIRECTORY names a folder of the test. test/manager/given.test.ts asks
// for those of a real unit.
import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { root } from '../support/tools.ts';
import { evaluate } from './child.ts';

const folder = temporaryFolder();
writeFileSync(join(folder, 'token'), 'secret\n');
writeFileSync(join(folder, 'windows'), '\ufeffsecret\r\n\r\n');
writeFileSync(join(folder, 'bytes'), Buffer.from([0, 255, 10]));
writeFileSync(join(folder, 'a b'), '');
mkdirSync(join(folder, 'folder'));
symlinkSync('token', join(folder, 'link'));
symlinkSync('nowhere', join(folder, 'dangling'));

const given = { CREDENTIALS_DIRECTORY: folder };

const values = async (variables: Readonly<Record<string, string>>, ...expressions: string[]) =>
  (await evaluate(variables, ...expressions)).map(({ value, error }) => error ?? value);

const hex = (name: string) => `credentials.read('${name}').toString('hex')`;

test('lists the files of the folder that can be credentials, sorted', async () => {
  expect(await values(given, 'credentials.directory', 'credentials.names()')).toEqual([
    folder,
    ['a b', 'bytes', 'link', 'token', 'windows'],
  ]);
});

test.each([
  ['unset', {}],
  ['empty', { CREDENTIALS_DIRECTORY: '' }],
])('with CREDENTIALS_DIRECTORY %s there are none', async (_how, variables) => {
  const asked = ['credentials.directory', 'credentials.names()', `credentials.has('token')`];
  expect(await values(variables, ...asked)).toEqual([undefined, [], false]);
});

test('a folder that does not exist has none', async () => {
  const variables = { CREDENTIALS_DIRECTORY: join(folder, 'gone') };
  const [names, has, error] = await values(
    variables,
    'credentials.names()',
    `credentials.has('token')`,
    `credentials.read('token')`,
  );
  expect([names, has]).toEqual([[], false]);
  expect(error).toMatchObject({
    code: 'ERR_SYSTEMD_CREDENTIAL',
    message: expect.stringContaining(`because there is no folder ${folder}/gone`),
  });
});

test('a folder without a slash at its beginning is below the working directory', async () => {
  const variables = { CREDENTIALS_DIRECTORY: relative(root, folder) };
  expect(await values(variables, 'credentials.directory')).toEqual([folder]);
});

test('has() tells files from all else', async () => {
  const names = ['token', 'link', 'dangling', 'folder', 'absent', 'a b'];
  const asked = names.map((name) => `credentials.has('${name}')`);
  expect(await values(given, ...asked)).toEqual([true, true, false, false, false, true]);
});

test('read() returns the bytes as they are', async () => {
  expect(await values(given, hex('token'), hex('bytes'), hex('a b'))).toEqual([
    Buffer.from('secret\n').toString('hex'),
    '00ff0a',
    '',
  ]);
});

test('each read() reads the file', async () => {
  const changed = `(process.getBuiltinModule('fs').writeFileSync(credentials.directory + '/changing', 'new'), ${hex('changing')})`;
  writeFileSync(join(folder, 'changing'), 'old');
  expect(await values(given, hex('changing'), changed)).toEqual(['6f6c64', '6e6577']);
});

test('text() leaves out line breaks at the end and a byte order mark, unless it shall not', async () => {
  const exact = `credentials.text('windows', { trim: false })`;
  const asked = [`credentials.text('token')`, `credentials.text('windows')`, exact];
  expect(await values(given, ...asked)).toEqual(['secret', 'secret', '\ufeffsecret\r\n\r\n']);
});

test('text() refuses bytes that are no UTF-8, and does not print them', async () => {
  expect(await values(given, `credentials.text('bytes')`)).toEqual([
    {
      name: 'SystemdError',
      code: 'ERR_SYSTEMD_CREDENTIAL',
      message: 'The credential "bytes" is no text in UTF-8: take its 3 bytes by read()',
    },
  ]);
});

test('path() returns the absolute path of a credential that is there', async () => {
  expect(await values(given, `credentials.path('token')`)).toEqual([join(folder, 'token')]);
});

test.each(['read', 'text', 'path'])(
  '%s() of a missing one names the folder, the names in it, and the line for the unit',
  async (method) => {
    const [error] = await values(given, `credentials.${method}('tls.key')`);
    const path = join(folder, 'tls.key');
    expect(error).toMatchObject({ name: 'SystemdError', code: 'ERR_SYSTEMD_CREDENTIAL', path });
    const { message } = error as Error;
    expect(message).toContain(`No credential "tls.key" in ${folder}, which has "a b", "bytes"`);
    expect(message).toContain(
      'Add LoadCredential=tls.key:/path/of/the/file to the [Service] section',
    );
  },
);

test('without a folder, the error says that CREDENTIALS_DIRECTORY is not set', async () => {
  const [error] = await values({}, `credentials.read('tls.key')`);
  expect((error as Error).message).toMatch(
    /^No credential "tls\.key" because CREDENTIALS_DIRECTORY is not set\. Add LoadCredential=/,
  );
});

test('a folder in the place of a credential is an error that says so', async () => {
  const [error] = await values(given, `credentials.read('folder')`);
  expect(error).toMatchObject({
    code: 'EISDIR',
    message: expect.stringContaining('which is a folder, where a file was expected'),
  });
});

test('what would be read for ever is no credential', async () => {
  symlinkSync('/dev/zero', join(folder, 'zero'));
  execFileSync('mkfifo', [join(folder, 'fifo')]);
  for (const name of ['zero', 'fifo']) {
    expect(await values(given, `credentials.has('${name}')`)).toEqual([false]);
    const [error] = await values(given, `credentials.read('${name}')`);
    expect(error).toMatchObject({ code: 'ERR_SYSTEMD_CREDENTIAL' });
  }
});

test.each(['', '.', '..', '../token', '/etc/passwd', 'a:b', 'a\\nb', 'ä', 'x'.repeat(256)])(
  'no name leads out of the folder: %j is refused',
  async (name) => {
    const asked = ['read', 'has', 'path', 'text'].map(
      (method) => `credentials.${method}('${name}')`,
    );
    const codes = (await values(given, ...asked)).map((error) => (error as { code: string }).code);
    expect(codes).toEqual(Array(4).fill('ERR_INVALID_ARG_VALUE'));
  },
);

test('wrong arguments are refused', async () => {
  const asked = [
    'credentials.read(7)',
    `credentials.text('token', { trim: 1 })`,
    `credentials.text('token', { trm: true })`,
  ];
  const codes = (await values(given, ...asked)).map((error) => (error as { code: string }).code);
  expect(codes).toEqual(['ERR_INVALID_ARG_TYPE', 'ERR_INVALID_ARG_TYPE', 'ERR_INVALID_ARG_VALUE']);
});
