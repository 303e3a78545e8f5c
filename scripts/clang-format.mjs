// Formats the C and C++ sources, or with --check lists the files that are not formatted.
import { execFileSync, spawnSync } from 'node:child_process';

const files = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '*.cc', '*.h', '*.c'])
  .toString()
  .split('\n')
  .filter(Boolean);
const mode = process.argv.includes('--check') ? ['--dry-run', '-Werror'] : ['-i'];
const { error, status } = spawnSync('clang-format', [...mode, ...files], { stdio: 'inherit' });
if (error) console.error('clang-format was not found: apt-get install clang-format');
process.exitCode = error ? 1 : (status ?? 1);
