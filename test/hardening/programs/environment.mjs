// Calls listenFds() and watchdog.timeout() in many environments. Reads an array of environments as JSON from stdin, and
// prints an array of outcomes. {pid} and the like in a value are replaced by numbers of this process.
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

/** The state that all copies of the package share in a process; see lib/base/process-state.ts. */
const STATE = Symbol.for('libsystemd.process-state.3');

/** Loads a new copy of the package without state, because a process reads LISTEN_* only once. */
async function callInEnvironment(variables, i) {
  setEnvironment(variables);
  process[STATE]?.clear();
  const { listenFds, watchdog } = await import(`../../../dist/index.js?${i}`);
  const passed = outcome(() => listenFds().map(({ fd, name }) => ({ fd, name })));
  return { passed, timeout: outcome(() => watchdog.timeout() ?? null) };
}

const answers = [];
for (const variables of JSON.parse(readFileSync(0, 'utf8'))) {
  answers.push(await callInEnvironment(variables, answers.length));
}
console.log(JSON.stringify(answers));
