// lackOfDescriptors(): the error of a process that can open no file now.
import { outOfDescriptors, type SystemdError } from '../base/errors.ts';
import { fs } from '../base/lazy-builtins.ts';

/**
 * The error EMFILE or ENFILE, as if `syscall` of `file` had failed with it, when this process can open no file now;
 * undefined when it can open one. The dynamic loader reports the lack of descriptors as a text only, and a package.json
 * that can't be read looks like that of another package.
 */
export function lackOfDescriptors(syscall: string, file: string): SystemdError | undefined {
  try {
    fs().closeSync(fs().openSync('/', 'r'));
  } catch (error) {
    return outOfDescriptors(error, syscall, { path: file });
  }
  return undefined;
}
