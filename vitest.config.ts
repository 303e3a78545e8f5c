import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';
import { ClosingLine } from './test/support/closing-line.ts';
import { SECOND_TRY } from './test/support/second-try.ts';

/** Tests that do very much at once, and mostly wait. They run beside each other, when those before have ended. */
const SCRIPTS = ['test/manager-rules/{bed,rules}.test.ts'];

/**
 * Tests that load the machine, or whose figures another test's load would spoil. They run one file at a time, when
 * all others have ended.
 */
const ALONE = [
  'test/bench/**/*.test.ts',
  'test/manager/cold-burst.test.ts',
  'test/testing/problems.test.ts',
  'test/cli/activate-watch.test.ts',
];

/** Files that take longest. They start first, so that none of them is left to run when all others have ended. */
const LONGEST = ['/test/manager/', '/test/service/workers', '/test/service/', '/test/faults/'];

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification) => {
      const found = LONGEST.findIndex((part) => moduleId.includes(part));
      return found < 0 ? LONGEST.length : found;
    };
    return (await super.sort(files)).toSorted((one, other) => rank(one) - rank(other));
  }
}

export default defineConfig({
  test: {
    // In a thread process.env is a copy, which libsystemd does not see.
    pool: 'forks',
    globalSetup: ['test/support/global-setup.ts'],
    testTimeout: 120_000,
    hookTimeout: 240_000,
    retry: SECOND_TRY,
    reporters: ['default', new ClosingLine()],
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        extends: true,
        test: {
          name: 'together',
          include: ['test/**/*.test.ts'],
          // They take long, or need every prebuilt add-on, or other runtimes, and run by configurations of
          // their own: npm run test:hardening, test:packaging, test:preloaded, test:programs, test:runtimes.
          exclude: [
            ...['hardening', 'packaging', 'preloaded', 'programs', 'runtimes'].map(
              (name) => `test/${name}/**`,
            ),
            ...SCRIPTS,
            ...ALONE,
          ],
          // Most tests wait for child processes most of the time.
          maxWorkers: Math.max(4, 3 * availableParallelism()),
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: 'types',
          include: [],
          typecheck: { enabled: true, only: true, include: ['test/**/*.test-d.ts'] },
        },
      },
      {
        extends: true,
        test: { name: 'scripts', include: SCRIPTS, maxWorkers: 2, sequence: { groupOrder: 1 } },
      },
      {
        extends: true,
        test: { name: 'alone', include: ALONE, maxWorkers: 1, sequence: { groupOrder: 2 } },
      },
    ],
  },
});
