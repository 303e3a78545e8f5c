// An answer of HTTP/1 that says it is the last one of its connection.
import type { ServerResponse } from 'node:http';

/** Whether a header of the program's own promises to keep the connection. */
function keepsAlive([name, value]: readonly unknown[]): boolean {
  return /^connection$/i.test(String(name)) && /\bkeep-alive\b/i.test(String(value));
}

/** What writeHead() takes as headers, in each of its forms; whatever else it takes is left as it is. */
function withoutPromise(headers: unknown): unknown {
  if (typeof headers !== 'object' || headers === null) return headers;
  if (!Array.isArray(headers)) {
    return Object.fromEntries(Object.entries(headers).filter((header) => !keepsAlive(header)));
  }
  if (Array.isArray(headers[0])) return headers.filter((header) => !keepsAlive(header));
  const headerOf = (i: number) => headers.slice(i - (i % 2)).slice(0, 2);
  return headers.filter((_, i) => !keepsAlive(headerOf(i)));
}

/**
 * Has an answer that has not begun say `Connection: close`. Node alone would let the program's own
 * header win, and a program that hands on the headers of another server, as a proxy does, has one.
 */
export function makeLast(response: ServerResponse): void {
  response.shouldKeepAlive = false;
  const { writeHead } = response;
  const writeLastHead = (...args: unknown[]): ServerResponse => {
    if (keepsAlive(['connection', response.getHeader('connection')])) {
      response.setHeader('connection', 'close');
    }
    return Reflect.apply(writeHead, response, args.map(withoutPromise));
  };
  response.writeHead = writeLastHead;
}
