// A service that does what a test tells it: on the Unix socket of the first argument it takes
// JavaScript, the body of an async function, and answers with the value as JSON.
import { rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import * as libsystemd from 'libsystemd';
import * as sd from 'libsystemd/sd';

const AsyncFunction = (async () => {}).constructor;
const known = { ...libsystemd, sd, require: createRequire(import.meta.url), keep: {} };

async function obey(source) {
  try {
    return {
      value: await new AsyncFunction(...Object.keys(known), source)(...Object.values(known)),
    };
  } catch ({ code, message }) {
    return { error: { code, message } };
  }
}

const [, , path] = process.argv;
rmSync(path, { force: true }); // of the process before this one
createServer({ allowHalfOpen: true }, (socket) => {
  let source = '';
  socket.setEncoding('utf8').on('data', (some) => {
    source += some;
  });
  socket.on('end', async () => socket.end(JSON.stringify(await obey(source))));
}).listen(path);
