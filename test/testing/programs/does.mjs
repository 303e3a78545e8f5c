// A daemon that does what its arguments say, one after another, and then stays: a message to send, or a word of `actions`.
import { spawn } from 'node:child_process';
import { rmSync, writeSync } from 'node:fs';
import net from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { fdStore, listen, listenFds } from 'libsystemd';
import { sd_notify } from 'libsystemd/sd';

const usec = () => process.hrtime.bigint() / 1000n;
/** What an action has opened, so that it stays open. */
const kept = [];

/** By the word before the colon; the rest is the argument. */
const actions = {
  wait: (milliseconds) => delay(Number(milliseconds)),
  exit: (code) => process.exit(Number(code)),
  'exit-after': (milliseconds) => setTimeout(() => process.exit(0), Number(milliseconds)),
  // Writes so many characters.
  write: async (count) => {
    const block = 'x'.repeat(2 ** 20);
    for (let left = Number(count); left > 0; left -= block.length)
      await new Promise((resolve) => process.stdout.write(block.slice(0, left), resolve));
  },
  kill: (signal) => process.kill(process.pid, signal),
  print: (text) => console.log(text),
  // Writes to the connection with this number.
  greet: (fd) => writeSync(Number(fd), 'hello'),
  complain: (text) => console.error(text),
  block: (milliseconds) => {
    for (const end = performance.now() + Number(milliseconds); performance.now() < end; );
  },
  // Pings the watchdog for ever, at this interval.
  ping: (milliseconds) => setInterval(() => sd_notify(false, 'WATCHDOG=1'), Number(milliseconds)),
  // Does this at a signal: SIGHUP=action.
  on: (text) => {
    const [, signal, action] = /^(\w+)=(.*)$/s.exec(text);
    process.on(signal, () => act(action));
  },
  // Reloads by the protocol of Type=notify-reload.
  reload: () => {
    sd_notify(false, `RELOADING=1\nMONOTONIC_USEC=${usec()}`);
    sd_notify(false, 'READY=1');
  },
  reloading: () => sd_notify(false, `RELOADING=1\nMONOTONIC_USEC=${usec()}`),
  'reload-old': () => {
    sd_notify(false, 'RELOADING=1\nMONOTONIC_USEC=1');
    sd_notify(false, 'READY=1');
  },
  child: (environment) => {
    const { PATH, MARK } = process.env;
    const env = environment === 'inherits' ? process.env : { PATH, ...(MARK && { MARK }) };
    kept.push(spawn('sleep', ['600'], { env, stdio: 'ignore' }).unref());
  },
  // Starts a copy of sleep, which inherits the environment.
  copy: (path) => kept.push(spawn(path, ['600'], { env: process.env, stdio: 'ignore' }).unref()),
  detached: () =>
    kept.push(spawn('setsid', ['sleep', '600'], { env: process.env, stdio: 'ignore' }).unref()),
  // Sends a message from a child process.
  'child-says': (text) => {
    const source = `import { sd_notify } from 'libsystemd/sd'; sd_notify(false, ${JSON.stringify(text)})`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', source], {
      cwd: import.meta.dirname,
      stdio: 'inherit',
    });
    return new Promise((resolve) => child.once('exit', resolve));
  },
  // Makes a child the main process.
  'child-main': () => {
    const child = spawn('sleep', ['600'], { env: { PATH: process.env.PATH }, stdio: 'ignore' });
    kept.push(child);
    sd_notify(false, `MAINPID=${child.pid}`);
  },
  listen: async (backlog) => {
    const server = net.createServer((socket) => socket.end('hello'));
    // Node takes the backlog of a descriptor from the second argument alone.
    kept.push(server.listen({ fd: 3 }, Number(backlog)));
    await new Promise((resolve) => server.once('listening', resolve));
  },
  // Listens on the socket that was passed, and throws where there is none.
  'listen-passed': () => listen(net.createServer()),
  // Throws an error whose stack has many frames, each another one: newer releases collapse those that are the same.
  throw: (text) => {
    const frames = Array.from({ length: 30 }, (_, i) => `    at work${i} (server.js:${i}:1)`);
    throw Object.assign(new TypeError(text), {
      stack: [`TypeError: ${text}`, ...frames].join('\n'),
    });
  },
  unlink: () => rmSync(listenFds()[0].localAddress.path),
  store: (name) => fdStore.save(name, Buffer.from(name)),
};

async function act(text) {
  const [, word, argument = ''] = /^([\w-]+)(?::(.*))?$/s.exec(text) ?? [];
  if (word in actions) await actions[word](argument);
  else sd_notify(false, text);
}

kept.push(setInterval(() => {}, 1e6));
for (const text of process.argv.slice(2)) await act(text);
