// In the bed: connects as the first client of stopped services, and stops each again. Prints the milliseconds as JSON.
//
//   cold-client.mjs ROUNDS SERVICE=PORT...
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { measureInTurn } from './rounds.mjs';

const REQUEST = 'GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n';

/** The milliseconds between the stop of one service and the connection to the next. */
const PAUSE = 50;

async function timeFirstByte(port) {
  const begun = performance.now();
  const client = connect(port, '127.0.0.1');
  client.write(REQUEST);
  const [answer] = await once(client, 'data');
  const ms = performance.now() - begun;
  client.destroy();
  if (!String(answer).startsWith('HTTP/1.1 200 '))
    throw new Error(`The server responded with ${answer}, and should with 200`);
  return ms;
}

async function activate(name, port) {
  const ms = await timeFirstByte(port);
  await promisify(execFile)('systemctl', ['stop', `${name}.service`]);
  await sleep(PAUSE);
  return ms;
}

const [rounds, ...services] = process.argv.slice(2);
const sides = services.map((service) => {
  const [name, port] = service.split('=');
  return () => activate(name, Number(port));
});
console.log(JSON.stringify(await measureInTurn(sides, Number(rounds))));
