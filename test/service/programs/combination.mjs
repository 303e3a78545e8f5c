// A service whose lines come from outside: `before` runs first, `serve` is an expression that gives the
// service, `options` are those of serve(). They come by the environment, which cluster workers inherit, or
// by a file of JSON.
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

/** Says its own name after as many milliseconds as the path says. */
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

/** Runs JavaScript that knows the names of `context`. */
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
