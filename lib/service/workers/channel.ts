// What a cluster worker and its primary tell each other, by messages of the channel that Node has
// between them, beside the program's own.
import type { Worker } from 'node:cluster';
import { processState } from '../../base/process-state.ts';
import type { Address } from '../../descriptor/address.ts';
import { fromJson, toJson } from '../../descriptor/address-json.ts';

/** What a worker tells. */
export interface Report {
  /** It takes orders from now on; those before would be lost. */
  readonly listens?: true;
  /** It listens, on these. */
  readonly serving?: readonly Address[];
  /** It could not start, because of this; the program may try again. */
  readonly failed?: string;
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
  /** Its program wants the whole service to reload. */
  readonly wantsReload?: true;
}

/** What the primary tells. */
export interface Order {
  readonly reload?: true;
  /** The reason. */
  readonly stop?: string;
  /** No longer wait for connections to end. */
  readonly cut?: true;
  /** The reload that its program wanted has ended; with the message of what failed. */
  readonly reloaded?: true | string;
}

/** What a worker's primary has set for it when it was forked. */
export interface WorkerSettings {
  /** Milliseconds within which `alive` is to be said; undefined: it need not be. */
  readonly heartbeat?: number | undefined;
}

/** A program that sends something under this name means this package. */
const KEY = 'libsystemd.serve';
const VARIABLE = 'LIBSYSTEMD_SERVE_WORKER';

type Check = (value: unknown) => boolean;

const isTrue: Check = (value) => value === true;
const isText: Check = (value) => typeof value === 'string';
const isBoolean: Check = (value) => typeof value === 'boolean';
const isCount: Check = (value) => Number.isSafeInteger(value) && (value as number) >= 0;
const isOutcome: Check = (value) => isTrue(value) || isText(value);
const isBytes: Check = (value) => value instanceof Uint8Array;

/** What each member must be. */
type Form = Readonly<Record<string, Check>>;

/** Whether these are its members, and no others. */
function isPartOf(value: unknown, form: Form): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  return Object.entries(value).every(
    ([name, member]) => Object.hasOwn(form, name) && form[name]?.(member),
  );
}

function hasForm(value: unknown, form: Form): boolean {
  return (
    isPartOf(value, form) && Object.keys(form).every((name) => Object.hasOwn(value as object, name))
  );
}

const INET = { family: isText, address: isText, port: isCount };

const ADDRESSES: Readonly<Record<string, Form>> = {
  inet: INET,
  inet6: { ...INET, flowinfo: isCount, scopeId: isCount },
  netlink: { family: isText, pid: isCount, groups: isCount },
  vsock: { family: isText, cid: isCount, port: isCount },
  other: { family: isCount, bytes: isBytes },
};

const UNIX: readonly Form[] = [
  { family: isText },
  { family: isText, path: isText },
  { family: isText, path: isText, bytes: isBytes },
  { family: isText, abstract: isText, bytes: isBytes },
];

const isAddress: Check = (value) => {
  const { family } = (value ?? {}) as { family?: unknown };
  const name = typeof family === 'number' ? 'other' : String(family);
  if (name === 'unix') return UNIX.some((form) => hasForm(value, form));
  const form = Object.hasOwn(ADDRESSES, name) ? ADDRESSES[name] : undefined;
  return form !== undefined && hasForm(value, form);
};

const REPORT: { readonly [name in keyof Required<Report>]: Check } = {
  listens: isTrue,
  serving: (value) => Array.isArray(value) && value.every(isAddress),
  failed: isText,
  connections: isCount,
  idle: isBoolean,
  alive: isTrue,
  drained: isTrue,
  stopped: isTrue,
  reloaded: isOutcome,
  wantsReload: isTrue,
};

const ORDER: { readonly [name in keyof Required<Order>]: Check } = {
  reload: isTrue,
  stop: isText,
  cut: isTrue,
  reloaded: isOutcome,
};

const wrap = (content: Report | Order) => ({ [KEY]: toJson(content) });

/** undefined for a message of the program's own, and for one that no copy of this package has sent. */
function unwrap<T>(message: unknown, form: Form): T | undefined {
  if (typeof message !== 'object' || message === null || !Object.hasOwn(message, KEY))
    return undefined;
  const { [KEY]: text } = message as { readonly [KEY]?: unknown };
  if (typeof text !== 'string') return undefined;
  try {
    const content = fromJson(text);
    // Without what somebody has put on all objects, which every message would say.
    return isPartOf(content, form) ? Object.assign(Object.create(null), content) : undefined;
  } catch {
    return undefined;
  }
}

/** Nobody is told of a channel that has just closed: the end of either side is seen by the other. */
const ignore = () => {};

/** In the primary: the environment of a worker that is to report. */
export function workerEnvironment(settings: WorkerSettings): Record<string, string> {
  return { [VARIABLE]: JSON.stringify({ ...settings, primary: process.pid }) };
}

/** In a worker: what its primary has set, for each call of serve(), because the first one may fail. */
const ofWorker = processState<{ settings: WorkerSettings | undefined }>('worker', () => ({
  settings: undefined,
}));

/** In a worker: what its primary has set; undefined when that is a program's own. */
export function workerSettings(): WorkerSettings | undefined {
  const { [VARIABLE]: text } = process.env;
  if (text !== undefined) {
    delete process.env[VARIABLE]; // its own children are not to see it
    const { primary, ...settings } = JSON.parse(text);
    // A worker may start a cluster of its own before it serves, whose workers inherit the variable.
    if (primary === process.ppid) ofWorker.settings = settings as WorkerSettings;
  }
  return ofWorker.settings;
}

/** In a worker: tells the primary, if it wants to hear. */
export function report(content: Report): void {
  if (ofWorker.settings === undefined) return;
  process.send?.(wrap(content), undefined, undefined, ignore);
}

/** In a worker: calls `obey` with each order of the primary. Returns a function that ends this. */
export function onOrder(obey: (order: Order) => void): () => void {
  if (ofWorker.settings === undefined) return ignore;
  const hear = (message: unknown) => {
    const order = unwrap<Order>(message, ORDER);
    if (order !== undefined) obey(order);
  };
  process.on('message', hear);
  report({ listens: true });
  return () => process.off('message', hear);
}

/** In the primary: tells a worker that takes orders. */
export function order(worker: Worker, content: Order): void {
  if (worker.isConnected()) worker.process.send(wrap(content), undefined, undefined, ignore);
}

/** In the primary: hears a worker. */
export function onReport(worker: Worker, hear: (report: Report) => void): void {
  worker.on('message', (message) => {
    const content = unwrap<Report>(message, REPORT);
    if (content !== undefined) hear(content);
  });
}
