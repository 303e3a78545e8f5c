// Shared by the tests of the drain: checks of a clean end, requests, and options of TLS.

import { certificate } from '../support/certificate.ts';
import type { Client } from '../support/client.ts';
import type { Line, RunningService } from './support.ts';

/** A TCP or UDP address, as net.connect() takes it. */
export type At = { host: string; port: number };

/** The end of a process that has stopped in order. */
export const CLEAN = { code: 0, signal: null };

/** A request that asks to change to another protocol. */
export const UPGRADE = 'GET /up HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n';

/** The address of the first server of a service, once it serves. */
export async function servingAt(service: RunningService): Promise<At> {
  return (await service.serving()) as At;
}

/** Waits until the program has got a request: the one for this path, or the next one. */
export function receivesRequest(service: RunningService, path?: string): Promise<Line> {
  return service.readUntil(({ request }) => request !== undefined && request === (path ?? request));
}

/** Sends a request on a connection that is then kept alive, and waits for the response. */
export async function requestOnce(client: Client): Promise<Client> {
  client.get('/0');
  await client.until('done');
  return client;
}

/** The key and the certificate as options of TLS in the source of a program, and further options before them. */
export function tlsOptions(further = ''): string {
  const { key, cert } = certificate();
  return `{ ${further}key: readFileSync('${key}'), cert: readFileSync('${cert}') }`;
}

/** What the head of a response says about its connection. */
export function connectionHeaders(response: string): string {
  return [...response.matchAll(/^(?:connection|keep-alive): .*(?=\r$)/gim)]
    .map(([line]) => line)
    .join(' | ');
}
