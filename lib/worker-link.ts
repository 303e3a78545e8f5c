// What a cluster worker and its primary tell each other, by messages of the channel that Node has
// between them, beside the program's own.
import type { Worker } from 'node:cluster';
import type { Address } from './address.ts';
import { fromJson, toJson } from './json.ts';

/** What a worker tells. */
export interface Report {
  /** It takes orders from now on; those before would be lost. */
  readonly listens?: true;
  /** It listens, on these. */
  readonly serving?: readonly Address[];
  /** How many connections it has. */
  readonly connections?: number;
  /** Whether it had none for a while. */
  readonly idle?: boolean;
  /** Its event loop turns, and its check is content. */
  readonly alive?: true;
  /** It stops, and its connections have ended. */
  readonly drained?: true;
  /** It has stopped, and well: what is left is the end of its process. */
  readonly stopped?: true;
  /** The reload that it was told to do has ended; with the message of what failed. */
  readonly reloaded?: true | string;
}

/** What the primary tells. */
export interface Order {
  readonly reload?: true;
  /** The reason. */
  readonly stop?: string;
  /** No longer wait for connections to end. */
  readonly cut?: true;
}

/** What a worker's primary has set for it when it was forked. */
export interface WorkerSettings {
  /** Milliseconds within which `alive` is to be said; undefined: it need not be. */
  readonly heartbeat?: number | undefined;
}

const KEY = 'libsystemd';
const VARIABLE = 'LIBSYSTEMD_SERVE_WORKER';

type Envelope = { readonly [KEY]?: unknown } | null;

const wrap = (content: Report | Order) => ({ [KEY]: toJson(content) });

function unwrap<T>(message: unknown): T | undefined {
  const content = typeof message === 'object' ? (message as Envelope)?.[KEY] : undefined;
  return typeof content === 'string' ? (fromJson(content) as T) : undefined;
}

/** Nobody is told of a channel that has just closed: the end of either side is seen by the other. */
const ignore = () => {};

/** In the primary: the environment of a worker that is to report. */
export function workerEnvironment(settings: WorkerSettings): Record<string, string> {
  return { [VARIABLE]: JSON.stringify(settings) };
}

let wanted = false;

/** In a worker: what its primary has set; undefined when that is a program's own. */
export function takeWorkerSettings(): WorkerSettings | undefined {
  const { [VARIABLE]: text } = process.env;
  if (text === undefined) return undefined;
  delete process.env[VARIABLE]; // its own children are not to see it
  wanted = true;
  return JSON.parse(text) as WorkerSettings;
}

/** In a worker: tells the primary, if it wants to hear. */
export function report(content: Report): void {
  if (wanted) process.send?.(wrap(content), undefined, undefined, ignore);
}

/** In a worker: does what the primary tells. */
export function onOrder(obey: (order: Order) => void): void {
  process.on('message', (message) => {
    const order = unwrap<Order>(message);
    if (order !== undefined) obey(order);
  });
  report({ listens: true });
}

/** In the primary: tells a worker that takes orders. */
export function order(worker: Worker, content: Order): void {
  if (worker.isConnected()) worker.process.send(wrap(content), undefined, undefined, ignore);
}

/** In the primary: hears a worker. */
export function onReport(worker: Worker, hear: (report: Report) => void): void {
  worker.on('message', (message) => {
    const content = unwrap<Report>(message);
    if (content !== undefined) hear(content);
  });
}
