// The messages between a cluster worker and a primary that runs serve(): their contents, checks and encoding. They
// share Node's channel with the messages of the program.
import type { Address } from '../../descriptor/address.ts';
import { fromJson, toJson } from '../../descriptor/address-json.ts';
import type { CutCause } from '../../traffic/traffic.ts';

/** A message from a worker to its primary. */
export interface Report {
  /** The worker takes orders from now on. An order that was sent before would be lost. */
  readonly listens?: true;
  /** The worker serves on these addresses. */
  readonly serving?: readonly Address[];
  /** serve() has failed in the worker, with this message. The program may call serve() again. */
  readonly failed?: string;
  /** The number of open connections. */
  readonly connections?: number;
  /** True when the worker has had no connections for half of the idle timeout, false when it has some again. */
  readonly idle?: boolean;
  /** The event loop of the worker turns, and `watchdog.check` does not fail. */
  readonly alive?: true;
  /** The worker stops, and its last connection has ended. */
  readonly drained?: true;
  /** The worker has stopped without a failure. Only the end of its process is left. */
  readonly stopped?: true;
  /** The ordered reload has ended: true, or the message of its error. */
  readonly reloaded?: true | string;
  /** The program of the worker has called service.reload(), so the whole service has to reload. */
  readonly wantsReload?: true;
}

/** A message from the primary to a worker. */
export interface Order {
  readonly reload?: true;
  /** The reason of the stop. */
  readonly stop?: string;
  /** Close the connections that are still open, for this cause. */
  readonly cut?: CutCause;
  /** The reload that the worker has requested by `wantsReload` has ended: true, or the message of its error. */
  readonly reloaded?: true | string;
}

/** The only property of a message; its value is JSON. No program uses this name by accident. */
const KEY = 'libsystemd.serve';

type MemberCheck = (value: unknown) => boolean;

const isTrue: MemberCheck = (value) => value === true;
const isText: MemberCheck = (value) => typeof value === 'string';
const isBoolean: MemberCheck = (value) => typeof value === 'boolean';
const isCount: MemberCheck = (value) => Number.isSafeInteger(value) && (value as number) >= 0;
const isOutcome: MemberCheck = (value) => isTrue(value) || isText(value);
const isCutCause: MemberCheck = (value) =>
  value === 'timeout' || value === 'interrupt' || value === 'failure';
const isBytes: MemberCheck = (value) => value instanceof Uint8Array;

/** The form of an object: the members that it may have, and the check of each. */
type Form = Readonly<Record<string, MemberCheck>>;

/** True when the value is an object, and each of its members is in the form and passes its check. */
function isPartOf(value: unknown, form: Form): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  return Object.entries(value).every(
    ([name, member]) => Object.hasOwn(form, name) && form[name]?.(member),
  );
}

/** True when the value has all members of the form and no others, and each passes its check. */
function hasForm(value: unknown, form: Form): boolean {
  return (
    isPartOf(value, form) && Object.keys(form).every((name) => Object.hasOwn(value as object, name))
  );
}

const INET = { family: isText, address: isText, port: isCount };

/** The form of an address, by its family. */
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

const isAddress: MemberCheck = (value) => {
  const { family } = (value ?? {}) as { family?: unknown };
  const name = typeof family === 'number' ? 'other' : String(family);
  if (name === 'unix') return UNIX.some((form) => hasForm(value, form));
  const form = Object.hasOwn(ADDRESSES, name) ? ADDRESSES[name] : undefined;
  return form !== undefined && hasForm(value, form);
};

const REPORT: { readonly [name in keyof Required<Report>]: MemberCheck } = {
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

const ORDER: { readonly [name in keyof Required<Order>]: MemberCheck } = {
  reload: isTrue,
  stop: isText,
  cut: isCutCause,
  reloaded: isOutcome,
};

export function encode(content: Report | Order): object {
  return { [KEY]: toJson(content) };
}

/** The content of a message; undefined for a message of the program, and for content that does not fit the form. */
function decode<T>(message: unknown, form: Form): T | undefined {
  if (typeof message !== 'object' || message === null || !Object.hasOwn(message, KEY))
    return undefined;
  const { [KEY]: text } = message as { readonly [KEY]?: unknown };
  if (typeof text !== 'string') return undefined;
  try {
    const content = fromJson(text);
    // Without a prototype, because members of a polluted Object.prototype would count as members of each message.
    return isPartOf(content, form) ? Object.assign(Object.create(null), content) : undefined;
  } catch {
    return undefined;
  }
}

/** In the primary: the report in a worker's message; undefined when there is none. */
export function decodeReport(message: unknown): Report | undefined {
  return decode<Report>(message, REPORT);
}

/** In a worker: the order in a message of the primary; undefined when there is none. */
export function decodeOrder(message: unknown): Order | undefined {
  return decode<Order>(message, ORDER);
}
