// The program in which libFuzzer runs: its bytes choose a function of the add-on and the arguments.
//
//   node calls.mjs DRIVER OPTIONS (JSON: fds, signatures) [ARGUMENT OF LIBFUZZER]...
import { constants } from 'node:os';
import { callAny, functionsOf } from '../calls/calls.mjs';
import { Spelled } from '../calls/choices.mjs';
import { closeOthers, openFds } from '../calls/descriptors.mjs';

const [, , driver, options, ...args] = process.argv;
const { fds, signatures } = JSON.parse(options);
const given = { fds, paths: ['/dev/null', '/tmp', '/proc/self/fd/3'] };

const loaded = { exports: {} };
process.dlopen(loaded, driver, constants.dlopen.RTLD_NOW);
const fuzz = loaded.exports;

// Only the functions of the add-ons are fuzzed. The others decode their arguments in JavaScript.
const native = functionsOf(signatures).filter(
  ({ module }) => module === 'native' || module === 'sockets',
);

Error.stackTraceLimit = 0; // because most calls throw, and a stack takes most of the time

let runs = 0;
const before = openFds();

function callOnce(bytes) {
  try {
    callAny(new Spelled(bytes), native, given);
  } catch (error) {
    console.error(error);
    throw error;
  }
  if (++runs % 200 === 0) closeOthers(before);
}

fuzz(callOnce, 'fuzz', ...args);
