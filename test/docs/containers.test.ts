// The Dockerfiles and the quadlet of examples/dockerfile, which docs/containers.md quotes.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { root } from '../support/tools.ts';

const read = (name: string) => readFileSync(join(root, 'examples/dockerfile', name), 'utf8');
const linesOf = (name: string) => read(name).trimEnd().split('\n');

test.each(['alpine', 'distroless'])(
  'Dockerfile.%s builds by the lines of Dockerfile, which test/packaging executes',
  (base) => {
    const [, ...build] = linesOf('Dockerfile').filter((line) => !line.startsWith('CMD'));
    expect(build).toHaveLength(4);
    const lines = linesOf(`Dockerfile.${base}`);
    const first = lines.findIndex((line) => line.startsWith('FROM')) + 1;
    expect(lines.slice(first, first + 4)).toEqual(build);
  },
);

test('the quadlet pings in time, and podman waits longer than serve() before SIGKILL', () => {
  const value = (pattern: RegExp) => Number(pattern.exec(read('hello.container'))?.[1]);
  const watchdog = value(/^WatchdogSec=(\d+)$/m);
  expect(value(/^Environment=WATCHDOG_USEC=(\d+)$/m)).toBe(watchdog * 1e6);
  const stopTimeout = 30; // the default of serve()
  const podman = value(/^PodmanArgs=--stop-timeout=(\d+)$/m);
  expect(podman).toBeGreaterThan(stopTimeout);
  expect(value(/^TimeoutStopSec=(\d+)$/m)).toBeGreaterThan(podman);
});
