// Before all tests: fetches the runtimes, and compiles the C programs of test/tools.
import type { TestProject } from 'vitest/node';
import { buildTools } from '../support/tools.ts';
import { fetchRuntimes, type Runtime } from './runtimes.ts';

declare module 'vitest' {
  interface ProvidedContext {
    readonly runtimes: readonly Runtime[];
  }
}

export default async function setup(project: TestProject): Promise<void> {
  const [runtimes] = await Promise.all([fetchRuntimes(), buildTools()]);
  for (const { name, version } of runtimes) console.log(`${name}: ${version}`);
  project.provide('runtimes', runtimes);
}
