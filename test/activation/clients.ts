// Clients of a service: one request of each protocol.
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { connect as http2Connect } from 'node:http2';
import { request as httpsRequest } from 'node:https';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { connect as tlsConnect } from 'node:tls';
import type { Address } from 'libsystemd';
import type { Reachable } from '../support/service.ts';

/** Who signed the certificate of a server. */
export interface Trust {
  readonly ca: string;
  readonly servername: string;
}

/** Where a client connects to reach this address. */
export function reachable(address: Address): Reachable {
  if ('path' in address && address.path !== undefined) return { path: address.path };
  if ('abstract' in address && address.abstract !== undefined) {
    return { path: `\0${address.abstract}` };
  }
  if ('port' in address && 'address' in address) {
    return { host: address.address, port: address.port };
  }
  throw new Error(`No client can reach ${JSON.stringify(address)}`);
}

/** Sends a text and a FIN, and resolves with all that comes back. */
export async function exchange(to: Reachable, message = ''): Promise<string> {
  return await text(connect(to).end(message));
}

/** Like {@link exchange}, with TLS. */
export async function tlsExchange(to: Reachable, message: string, trust: Trust): Promise<string> {
  return await text(tlsConnect({ ...to, ...trust }).end(message));
}

/** The same in the words of node:http. */
function forHttp(to: Reachable) {
  return 'path' in to ? { socketPath: to.path } : to;
}

export async function httpGet(to: Reachable, path: string): Promise<string> {
  const request = httpRequest({ ...forHttp(to), path, agent: false }).end();
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  return await text(response);
}

export async function httpsGet(to: Reachable, path: string, trust: Trust): Promise<string> {
  const request = httpsRequest({ ...forHttp(to), ...trust, path, agent: false }).end();
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  return await text(response);
}

/** A request by HTTP/2: with TLS when `trust` is given, else with prior knowledge (h2c). */
export async function http2Get(to: Reachable, path: string, trust?: Trust): Promise<string> {
  const session = http2Connect(trust ? 'https://localhost' : 'http://localhost', {
    createConnection: () =>
      trust ? tlsConnect({ ...to, ...trust, ALPNProtocols: ['h2'] }) : connect(to),
  });
  try {
    return await text(session.request({ ':path': path }));
  } finally {
    session.close();
  }
}

/** Sends a datagram, and resolves with the datagram that comes back. */
export async function datagram(to: Reachable, message: string): Promise<string> {
  if ('path' in to) throw new Error('Node has no Unix datagrams');
  const socket = createSocket(to.host.includes(':') ? 'udp6' : 'udp4');
  try {
    socket.send(message, to.port, to.host);
    const [reply] = (await once(socket, 'message')) as [Buffer];
    return reply.toString();
  } finally {
    socket.close();
  }
}
