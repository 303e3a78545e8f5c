// A service whose source is given as JSON: `before` is run first, `options` is the object for serve(), and `serve` is
// the expression that calls it. The JSON is in the variable COMBINATION, which cluster workers inherit, or in a file.
//
//   combination.mjs [FILE]

import cluster from 'node:cluster';
import { createSocket } from 'node:dgram';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import * as libsystemd from 'libsystemd';

const { serve, listen, fdStore, listenFds, watchdog } = libsystemd;
const names = { cluster, http, createSocket, sleep, serve, listen, fdStore, listenFds, watchdog };

const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);
process.on('warning', ({ code, message }) => say({ warning: code ?? 'none', message }));
process.on('exit', (code) => say({ exit: code, pid: process.pid }));

/** Answers /NUMBER with the name of the server, after that many milliseconds. */
const answering = (name) => async (request, response) => {
  say({ request: request.url });
  await sleep(Number(request.url.slice(1)));
  response.end(`answer of ${name}.`);
};

const context = {
  ...names,
  say,
  loadAgain: () => import(`${import.meta.resolve('libsystemd')}?again`),
  web: http.createServer(answering('web')),
  metrics: http.createServer(answering('metrics')),
  echo: createSocket('udp4', (message, { port, address }) => {
    context.echo.send(message, port, address);
  }),
};

/** Runs JavaScript, in which the names of `context` are defined. */
function evaluate(body) {
  const AsyncFunction = (async () => {}).constructor;
  return new AsyncFunction(...Object.keys(context), body)(...Object.values(context));
}

const [, , file] = process.argv;
const {
  before,
  serve: expression,
  options,
} = JSON.parse(file === undefined ? process.env.COMBINATION : readFileSync(file, 'utf8'));
process.on('SIGUSR2', () => context.service?.stop('told'));
await evaluate(before);
context.options = await evaluate(`return ${options}`);
try {
  context.service = await evaluate(`return ${expression}`);
  const { activated, addresses } = context.service;
  say(cluster.isPrimary ? { activated, addresses } : { serves: addresses });
} catch ({ code, message }) {
  say({ refused: code, message });
  process.exitCode = 1;
}
