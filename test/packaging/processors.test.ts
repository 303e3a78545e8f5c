// The prebuilt add-ons of all processors: their format, and whether they load in an emulator.
import { readFileSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { describe, expect, inject, test } from 'vitest';
import {
  mostKilobytes,
  type Processor,
  prebuiltFile,
  prebuiltFiles,
  processors,
  root,
} from '../../scripts/processors.mjs';
import { emulator, fetchNode, hasNode } from './emulation.ts';
import { evaluate, run } from './machine.ts';

const cwd = inject('app');
const { EBADF } = constants.errno;

/** The bytes of the largest pages of Linux on these processors. Default: 4096. */
const LARGEST_PAGE: Readonly<Record<string, number>> = { arm64: 65536, ppc64: 65536 };

function installed(processor: Processor): string {
  return join(cwd, 'node_modules/libsystemd', prebuiltFile(processor));
}

const addons = processors.flatMap((processor) =>
  prebuiltFiles(processor).map((path) => ({ path, processor })),
);

describe.each(addons)('$path', ({ path, processor }) => {
  const { arch } = processor;
  const file = join(cwd, 'node_modules/libsystemd', path);
  const pageSize = LARGEST_PAGE[arch] ?? 4096;
  const readelf = (...args: string[]) => run('readelf', ['-W', ...args, file], { cwd });

  test(`is stripped and has at most ${mostKilobytes} KB`, async () => {
    expect(await readelf('--sections')).not.toMatch(/\.(symtab|debug)/);
    expect(readFileSync(file).length).toBeLessThanOrEqual(mostKilobytes * 1024);
  });

  test(`is aligned for pages of ${pageSize} bytes, and has no executable stack`, async () => {
    const segments = await readelf('--segments');
    const alignments = Array.from(segments.matchAll(/^ +LOAD .* (0x\w+)$/gm), ([, hex]) =>
      Number(hex),
    );
    expect(alignments).toStrictEqual([pageSize, pageSize]);
    expect(segments).toMatch(/^ +GNU_STACK .* RW +0x\w+$/m);
  });

  const emulated = emulator(processor, pageSize);
  test.skipIf(emulated === undefined)('is loaded by the dynamic loader', async () => {
    const program = await buildLoader(processor, await readelf('--dyn-syms'));
    const [command, ...args] = [...emulated!, program, file];
    expect(await run(command!, args, { cwd })).toBe('loaded\n');
  });
});

describe.each(processors.filter(hasNode))('on $arch', (processor) => {
  const file = installed(processor);

  test.skipIf(emulator(processor) === undefined)('Node loads the add-on', async () => {
    const source = `
      const addon = require(${JSON.stringify(file)});
      const bytes = new Uint8Array(4);
      const answers = [addon.inet_pton(2, '127.0.0.1', bytes), addon.file_type(-1)];
      result([process.arch, answers, [...bytes], mapped()]);
    `;
    const node = [...emulator(processor)!, await fetchNode(processor)];
    const found = await evaluate(source, { cwd, node, type: 'commonjs' });
    expect(found).toStrictEqual([processor.arch, [1, -EBADF], [127, 0, 0, 1], [file]]);
  });
});

const arm64 = processors.find(({ arch }) => arch === 'arm64')!;

test.skipIf(emulator(arm64) === undefined)('on arm64 the package finds its add-on', async () => {
  // inspect() of a socket, because qemu takes any file for a message queue.
  const source = `
    import { once } from 'node:events';
    import { createServer } from 'node:net';
    import { inspect } from 'libsystemd';
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { kind, listening, localAddress } = inspect(server._handle.fd);
    result([process.arch, kind, listening, localAddress.port === server.address().port, mapped()]);
    server.close();
  `;
  const node = [...emulator(arm64)!, await fetchNode(arm64)];
  const found = await evaluate(source, { cwd, node });
  expect(found).toStrictEqual(['arm64', 'socket', true, true, [installed(arm64)]]);
});

/** Compiles a program that loads an add-on as Node does, with empty functions in place of Node-API. */
async function buildLoader({ arch, triplet }: Processor, symbols: string): Promise<string> {
  const functions = Array.from(symbols.matchAll(/ UND (napi_\w+)$/gm), ([, name]) => name);
  const source = join(cwd, `loader-${arch}.c`);
  writeFileSync(
    source,
    `#include <dlfcn.h>
    #include <stdio.h>
    ${functions.map((name) => `void ${name}(void) {}`).join('\n')}
    int main(int count, char **arguments) {
      void *addon = dlopen(arguments[count - 1], RTLD_NOW);
      puts(addon && dlsym(addon, "napi_register_module_v1") ? "loaded" : dlerror());
    }`,
  );
  const program = source.replace('.c', '');
  await run(`${triplet}-gcc`, ['-rdynamic', source, '-o', program], { cwd });
  return program;
}

describe('scripts/check-symbols.mjs fails for an add-on', () => {
  const { arch, glibc } = processors.find((processor) => processor.arch === process.arch)!;

  test.each([
    [
      'that names a library',
      ['-lm'],
      'double ceil(double);\ndouble f(double x) { return ceil(x); }',
      'names libm.so.6, and may name no library',
    ],
    [
      'that needs a newer glibc than allowed',
      ['-nostdlib'],
      'int getrandom();\nint f() { return getrandom(); }',
      `getrandom needs glibc 2.25, newer than ${glibc}`,
    ],
    [
      'whose function has an older variant',
      ['-nostdlib'],
      'int pthread_cond_wait();\nint f() { return pthread_cond_wait(); }',
      'pthread_cond_wait has several versions in glibc: 2.2.5, 2.3.2',
    ],
    [
      'whose function is not in musl',
      ['-nostdlib'],
      'int __cmsg_nxthdr();\nint f() { return __cmsg_nxthdr(); }',
      '__cmsg_nxthdr is not in musl',
    ],
  ])('%s', async (what, options, source, complaint) => {
    const library = join(cwd, `${what.replaceAll(' ', '-')}.so`);
    writeFileSync(`${library}.c`, `${source}\n`);
    const compile = ['-shared', '-fPIC', '-w', `${library}.c`, '-o', library, ...options];
    await run('cc', compile, { cwd });
    const check = run(process.execPath, [join(root, 'scripts/check-symbols.mjs'), library, arch], {
      cwd,
    });
    await expect(check).rejects.toThrow(complaint);
  });
});
