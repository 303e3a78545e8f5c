// Ends a run with one line that says how many tests passed, failed and were skipped, and makes a
// skip a failure in CI: there every test must have what it needs.
import type { Reporter, TestModule } from 'vitest/node';

export class ClosingLine implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly unknown[]): void {
    const tests = modules.flatMap((module) => [...module.children.allTests()]);
    const count = (state: string) => tests.filter((test) => test.result().state === state).length;
    // A failed hook, or a file that can't be loaded, fails no test but its file or suite.
    const suites = modules.flatMap((module) => [module, ...module.children.allSuites()]);
    const broken = suites.filter((suite) => suite.errors().length > 0).length;
    const [failed, skipped] = [count('failed') + broken + unhandled.length, count('skipped')];
    console.log(`\n${count('passed')} passed, ${failed} failed, ${skipped} skipped`);
    if (process.env.CI && process.env.CI !== 'false' && skipped > 0) {
      console.error('In CI a skipped test is a failure.');
      process.exitCode = 1;
    }
  }
}
