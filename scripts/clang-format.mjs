// Formats the C and C++ sources, or with --check says which are not.
import { execFileSync, spawnSync } from 'node:child_process';

const files = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '*.cc', '*.h', '*.c'])
  .toString()
  .split('\n')
  .filter(Boolean);
const mode = process.argv.includes('--check') ? ['--dry-run', '-Werror'] : ['-i'];
const { error, status } = spawnSync('clang-format', [...mode, ...files], { stdio: 'inherit' });
if (error) console.error('clang-format is missing: apt-get install clang-format');
process.exitCode = error ? 1 : (status ?? 1);
