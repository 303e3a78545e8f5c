// The program that libFuzzer runs in: a call of one of the add-on's functions, which bytes spell.
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

// The others are JavaScript, and so is what they make of arguments.
const native = functionsOf(signatures).filter(({ module }) => module === 'native');

Error.stackTraceLimit = 0; // most calls throw, and then the stack takes longest

let runs = 0;
const before = openFds();

function one(bytes) {
  try {
    callAny(new Spelled(bytes), native, given);
  } catch (error) {
    console.error(error);
    throw error;
  }
  if (++runs % 200 === 0) closeOthers(before);
}

fuzz(one, 'fuzz', ...args);
