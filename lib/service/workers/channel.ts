// Sends and receives reports and orders over the channel that Node keeps between a cluster worker and its primary.
import type { Worker } from 'node:cluster';
import { decodeOrder, decodeReport, encode, type Order, type Report } from './messages.ts';
import { hasServePrimary } from './settings.ts';

/** Ignores the error of a channel that has just closed, because each side notices the end of the other side anyway. */
const ignore = () => {};

/** In a worker: sends a report, if the primary runs serve(). */
export function sendReport(report: Report): void {
  if (!hasServePrimary()) return;
  process.send?.(encode(report), undefined, undefined, ignore);
}

/** In a worker: calls `act` with each order of the primary. Returns a function that ends this. */
export function onOrder(act: (order: Order) => void): () => void {
  if (!hasServePrimary()) return ignore;
  const listener = (message: unknown) => {
    const order = decodeOrder(message);
    if (order !== undefined) act(order);
  };
  process.on('message', listener);
  sendReport({ listens: true });
  return () => process.off('message', listener);
}

/** In the primary: sends an order to a worker, which must have reported `listens`. */
export function sendOrder(worker: Worker, order: Order): void {
  if (worker.isConnected()) worker.process.send(encode(order), undefined, undefined, ignore);
}

/** In the primary: calls `act` with each report of a worker. */
export function onReport(worker: Worker, act: (report: Report) => void): void {
  worker.on('message', (message) => {
    const report = decodeReport(message);
    if (report !== undefined) act(report);
  });
}
