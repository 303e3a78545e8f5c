// What listenFds() and watchdog.timeout() make of environments: an array of them comes as JSON on
// stdin, where {pid} and the like stand for our own numbers, and an array of answers goes to stdout.
import { readFileSync } from 'node:fs';

const tokens = {
  '{pid}': process.pid,
  '{ppid}': process.ppid,
  '{hexpid}': process.pid.toString(16),
  '{octpid}': process.pid.toString(8),
};
const NAMES = ['LISTEN_PID', 'LISTEN_FDS', 'LISTEN_FDNAMES', 'WATCHDOG_USEC', 'WATCHDOG_PID'];

function setEnvironment(variables) {
  for (const name of NAMES) delete process.env[name];
  for (const [name, value] of Object.entries(variables)) {
    process.env[name] = value.replaceAll(/\{\w+\}/g, (token) => tokens[token] ?? token);
  }
}

function outcome(call) {
  try {
    return { value: call() };
  } catch ({ code, errno }) {
    return { code, errno };
  }
}

/** What all copies of the package in a process know together. */
const STATE = Symbol.for('libsystemd.process-state.1');

/** Asks a new copy of the package, with nothing known, because LISTEN_* is read once in a process. */
async function answer(variables, i) {
  setEnvironment(variables);
  process[STATE]?.clear();
  const { listenFds, watchdog } = await import(`../../../dist/index.js?${i}`);
  const passed = outcome(() => listenFds().map(({ fd, name }) => ({ fd, name })));
  return { passed, timeout: outcome(() => watchdog.timeout() ?? null) };
}

const answers = [];
for (const variables of JSON.parse(readFileSync(0, 'utf8'))) {
  answers.push(await answer(variables, answers.length));
}
console.log(JSON.stringify(answers));
