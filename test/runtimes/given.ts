// What a unit gives its service, in each runtime: reports of memory pressure, credentials, directories, ids.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { unitOf } from 'libsystemd/environment';
import { expect } from 'vitest';
import { PressedCgroup, whyNoPressure } from '../support/pressed-cgroup.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import type { Runtime } from './runtimes.ts';
import { YES } from './scenarios.ts';
import { connectTo, Session } from './session.ts';

const folder = temporaryFolder();
let fifos = 0;

/** The kernel's file, where the kernel has one. */
async function watchKernel(runtime: Runtime): Promise<void> {
  await using group = new PressedCgroup();
  await using session = await Session.start(runtime, 'pressure', {
    env: { MEMORY_PRESSURE_WATCH: group.file },
  });
  expect((await session.said('source'))['source']).toBe(group.file);
  group.squeeze();
  for (let i = 0; i < 2; i++) {
    expect((await session.said('stalled'))['stalled']).toBeGreaterThan(0);
  }
}

export async function watchMemory(runtime: Runtime): Promise<string> {
  const fifo = join(folder, `fifo-${fifos++}`);
  execFileSync('mkfifo', [fifo]);
  await using session = await Session.start(runtime, 'pressure', {
    env: { MEMORY_PRESSURE_WATCH: fifo },
  });
  expect((await session.said('source'))['source']).toBe(fifo);
  for (let i = 0; i < 2; i++) {
    const writer = await open(fifo, 'w');
    await writer.write('x');
    await writer.close();
    expect((await session.said('stalled'))['stalled']).toBeNull();
  }
  // An emulated Node takes seconds to start, and has the same kernel.
  if (runtime.kind !== 'emulated' && whyNoPressure() === undefined) await watchKernel(runtime);
  return YES;
}

/** The program is in the same unit as the test, if in any. */
const ownUnit = unitOf('self') ?? null;

const ID = '0123456789abcdef0123456789abcdef';

export async function askEnvironment(runtime: Runtime): Promise<string> {
  const credentials = join(folder, 'credentials');
  mkdirSync(credentials, { recursive: true });
  writeFileSync(join(credentials, 'key'), 'secret\n');
  await using session = await Session.start(runtime, 'environment', {
    specs: [`unix:${folder}/${fifos++}`],
    input: { app: ID },
    env: {
      CREDENTIALS_DIRECTORY: credentials,
      STATE_DIRECTORY: folder,
      INVOCATION_ID: ID,
      REMOTE_ADDR: '192.0.2.1',
      REMOTE_PORT: '80',
    },
  });
  const bootId = readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
  expect(await session.said('credential')).toEqual({
    credential: 'secret',
    state: folder,
    ids: [ID, bootId.replaceAll('-', ''), expect.stringMatching(/^[\da-f]{32}$/)],
    unit: ownUnit,
    started: false,
    remote: { address: '192.0.2.1', port: 80 },
  });
  connectTo((await session.said('address')).address!).on('error', () => undefined);
  expect(await session.said('peer')).toEqual({ peer: ownUnit });
  return YES;
}
