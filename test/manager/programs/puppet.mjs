// A service that runs the code of a test.
//
//   puppet.mjs PATH
//
// It listens on the Unix socket PATH, runs what it receives as the body of an async JavaScript function, and responds
// with the returned value as JSON.
import { rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import * as libsystemd from 'libsystemd';
import * as sd from 'libsystemd/sd';

const AsyncFunction = (async () => {}).constructor;
const scope = { ...libsystemd, sd, require: createRequire(import.meta.url), keep: {} };

async function execute(source) {
  try {
    return {
      value: await new AsyncFunction(...Object.keys(scope), source)(...Object.values(scope)),
    };
  } catch ({ code, message }) {
    return { error: { code, message } };
  }
}

const [, , path] = process.argv;
rmSync(path, { force: true }); // of the previous process
createServer({ allowHalfOpen: true }, (socket) => {
  let source = '';
  socket.setEncoding('utf8').on('data', (some) => {
    source += some;
  });
  socket.on('end', async () => socket.end(JSON.stringify(await execute(source))));
}).listen(path);
