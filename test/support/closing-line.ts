// Ends a run with one line that says how many tests passed, failed and were skipped, and makes a
// skip a failure in CI: there every test must have what it needs.
import type { Reporter, TestModule } from 'vitest/node';

export class ClosingLine implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const tests = modules.flatMap((module) => [...module.children.allTests()]);
    const count = (state: string) => tests.filter((test) => test.result().state === state).length;
    const unloadable = modules.filter((module) => module.errors().length > 0).length;
    const [passed, failed, skipped] = [
      count('passed'),
      count('failed') + unloadable,
      count('skipped'),
    ];
    console.log(`\n${passed} passed, ${failed} failed, ${skipped} skipped`);
    if (process.env.CI !== undefined && skipped > 0) {
      console.error('In CI a skipped test is a failure.');
      process.exitCode = 1;
    }
  }
}
