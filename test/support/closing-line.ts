// The last lines of a test run: the tests that passed only at the second try, and how many tests passed, failed and were
// skipped. In CI a skipped test is a failure, because CI must have what every test needs.
import type { Reporter, TestModule } from 'vitest/node';
import { inCi } from './second-try.ts';

export class ClosingLine implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly unknown[]): void {
    const tests = modules.flatMap((module) => [...module.children.allTests()]);
    const count = (state: string) => tests.filter((test) => test.result().state === state).length;
    // A failed hook, or a file that can't be loaded, is an error of its suite or file, and of no test.
    const suites = modules.flatMap((module) => [module, ...module.children.allSuites()]);
    const broken = suites.filter((suite) => suite.errors().length > 0).length;
    const [failed, skipped] = [count('failed') + broken + unhandled.length, count('skipped')];
    for (const test of tests.filter((one) => one.diagnostic()?.flaky)) {
      const [error] = test.result().errors ?? [];
      console.log(`\nPassed at the second try: ${test.module.relativeModuleId} > ${test.fullName}`);
      console.log(`At the first: ${error?.message}\n${error?.diff ?? ''}`);
    }
    console.log(`\n${count('passed')} passed, ${failed} failed, ${skipped} skipped`);
    if (inCi && skipped > 0) {
      console.error('In CI a skipped test is a failure.');
      process.exitCode = 1;
    }
  }
}
