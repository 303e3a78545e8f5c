// What the rows of rows.ts do in a runtime: servers, drains and connections.
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { expect } from 'vitest';
import { Client } from '../support/client.ts';
import type { Runtime } from './runtimes.ts';
import {
  LAST_REQUEST,
  listenAndConnect,
  request,
  Session,
  type SessionOptions,
} from './session.ts';

/** The outcome of a row that works as in Node. */
export const YES = 'yes';

/** A TCP listener with a backlog. */
export const TCP = 'tcp:127.0.0.1:0,backlog=1000';

/** Starts a server in the runtime, and sends it a request. */
export async function serveOne(
  runtime: Runtime,
  kind: string,
  spec: string,
  input: object = {},
): Promise<string> {
  await using session = await Session.start(runtime, 'listen', {
    specs: [spec],
    input: { kind, ...input },
  });
  const line = await session.said('address');
  expect(await request(line, kind)).toMatch(/answer$/);
  return YES;
}

/** Starts a program, and returns the value of its first line with this key. */
export async function readLine(
  runtime: Runtime,
  program: string,
  key: string,
  options?: SessionOptions,
): Promise<unknown> {
  await using session = await Session.start(runtime, program, options);
  return (await session.said(key))[key];
}

/** Expects that the program ends in order. */
export async function expectStopped(session: Session): Promise<void> {
  expect(await session.said('exit')).toEqual({ exit: 0 });
  expect(await session.ended()).toEqual({ code: 0, signal: null });
}

/**
 * Reloads and stops a service. A request that runs at the stop gets its response, and its connection is closed, as is a
 * kept-alive one. Returns the response.
 */
export async function drainService(runtime: Runtime, kind: string, specs = [TCP]): Promise<string> {
  await using session = await Session.start(runtime, 'serve', { specs, input: { kind } });
  const { address } = await session.said('address');
  await session.receives('READY=1');
  session.signal('SIGHUP');
  await session.receives('RELOADING=1');
  await session.receives('READY=1');
  const at = { host: '127.0.0.1', port: address!.port! };
  using idle = await Client.connect(at);
  idle.get('/');
  await idle.until('answer');
  await session.said('request');
  using client = await Client.connect(at);
  client.get('/last');
  await session.said('request');
  session.signal('SIGTERM');
  await session.receives('STOPPING=1');
  await expectStopped(session);
  await Promise.all([client.closed, idle.closed]);
  return await client.until('answer');
}

/** Stops a service while two pipelined requests run. */
export async function answerPipelinedRequests(runtime: Runtime): Promise<string> {
  await using session = await Session.start(runtime, 'serve', {
    specs: [TCP],
    input: { kind: 'http' },
  });
  const { address } = await session.said('address');
  using client = await Client.connect({ host: '127.0.0.1', port: address!.port! });
  for (const _ of ['first', 'second']) client.get('/last');
  for (const _ of ['first', 'second']) await session.said('request');
  session.signal('SIGTERM');
  await expectStopped(session);
  expect(await client.until('answer')).toMatch(/^Connection: keep-alive\r$/m);
  expect(await client.until('answer')).toMatch(/^Connection: close\r$/m);
  return YES;
}

/** Stops a dgram service that has just read a datagram. It must not read another, although it runs for a second more. */
export async function stopReadingDatagrams(runtime: Runtime): Promise<string> {
  await using session = await Session.start(runtime, 'serve', {
    specs: ['udp:127.0.0.1:0'],
    input: { kind: 'udp' },
  });
  const { address } = await session.said('address');
  const client = createSocket('udp4');
  let answers = 0;
  client.on('message', () => answers++);
  client.send('question', address!.port!, '127.0.0.1');
  await once(client, 'message');
  session.signal('SIGTERM');
  await session.receives('STOPPING=1');
  client.send('question', address!.port!, '127.0.0.1');
  await expectStopped(session);
  client.close();
  expect(answers).toBe(1);
  return YES;
}

/** Passes a connection to a service as fd 0 or 3. */
export async function passConnection(runtime: Runtime, fd: 0 | 3): Promise<string> {
  const { server, client } = await listenAndConnect();
  await using session = await Session.startFor(runtime, server, fd);
  server.close();
  const { remotePort } = await session.said('remotePort');
  expect(remotePort).toBe(client.localPort);
  client.write(LAST_REQUEST);
  expect(await text(client)).toMatch(/answer$/);
  return YES;
}
