// Random values for parameters: values that fit the type, and arbitrary values.
import { runInNewContext } from 'node:vm';

/** The error that some values throw when they are read. A function may pass it on. */
export const THROWN = Object.assign(new Error('thrown by a value'), { code: 'THROWN' });

const NUMBERS = [
  ...[0, -0, 1, 2, -1, 3, 10, 16, 255, 256, 511, 4095, 4096, 65_535, 65_536, 1_000_000],
  ...[2 ** 31 - 1, 2 ** 31, -(2 ** 31), -(2 ** 31) - 1, 2 ** 32 - 1, 2 ** 32, 2 ** 53, -(2 ** 53)],
  ...[0.5, -1.5, 1e-300, 1e300, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
];

const BIGINTS = [
  0n,
  1n,
  -1n,
  2n ** 53n,
  2n ** 63n,
  2n ** 64n - 1n,
  2n ** 64n,
  -(2n ** 64n),
  3n ** 99n,
];

const TEXTS = [
  ...['', ' ', '0', '-1', '1', 'a', '/', '@', '@name', 'READY=1', 'STATUS=', '=', '%s%n%d', '::1'],
  ...[
    '127.0.0.1',
    '::ffff:1.2.3.4',
    'fe80::1%1',
    'inet',
    'unix',
    'all',
    'trigger',
    'ENOENT',
    'a.b',
  ],
  ...[
    'é',
    '鍵',
    '😀',
    '\ud800',
    '\udfff',
    '\0',
    'a\0b',
    '\n',
    '\r\nMAINPID=1',
    '\\',
    'a\\',
    '\u2028',
  ],
  ...['x'.repeat(107), 'x'.repeat(108), 'x'.repeat(251), 'é'.repeat(126), 'x'.repeat(256)],
  ...['x'.repeat(4096), 'x'.repeat(100_000), '😀'.repeat(2000), '/'.repeat(5000)],
];

const KEYS = ['X_A', 'x', 'fd', 'fds', 'status', 'family', 'path', 'length', 'toString', '', '0'];

function character(choices) {
  return String.fromCharCode(choices.below(choices.chance(70) ? 128 : 0x1_0000));
}

function text(choices) {
  if (choices.chance(70)) return choices.pick(TEXTS);
  return Array.from({ length: choices.below(40) }, () => character(choices)).join('');
}

function number(choices) {
  if (choices.chance(50)) return choices.below(choices.chance(50) ? 20 : 300);
  return choices.chance(80) ? choices.pick(NUMBERS) : choices.double();
}

function bigint(choices) {
  return choices.chance(50) ? choices.pick(BIGINTS) : BigInt(choices.uint32()) << 20n;
}

/** Bytes: plain, a view, a Buffer, shared, or detached. */
function bytes(choices) {
  const all = choices.bytes(choices.below(140));
  if (all.length > 1 && choices.chance(50)) all.set([choices.pick([1, 2, 10, 16, 40]), 0]);
  const shared = () => {
    const copy = new Uint8Array(new SharedArrayBuffer(all.length));
    copy.set(all);
    return copy;
  };
  const detached = () => {
    structuredClone(all.buffer, { transfer: [all.buffer] });
    return all;
  };
  const makers = [
    () => all,
    () => all,
    () => all.subarray(1),
    () => Buffer.from(all),
    shared,
    detached,
  ];
  return choices.pick(makers)();
}

function array(choices, item) {
  const items = Array.from({ length: choices.below(choices.chance(5) ? 300 : 5) }, item);
  if (choices.chance(5)) items.length += choices.pick([1, 2 ** 16, 2 ** 31]);
  return items;
}

function record(choices, depth) {
  const keys = Array.from({ length: choices.below(4) }, () => choices.pick(KEYS));
  return Object.fromEntries(keys.map((key) => [key, arbitrary(choices, depth)]));
}

/** An object that throws at every operation. */
function hostile() {
  const traps = Reflect.ownKeys(Reflect).filter((trap) => typeof trap === 'string');
  const refuse = () => {
    throw THROWN;
  };
  return new Proxy({}, Object.fromEntries(traps.map((trap) => [trap, refuse])));
}

function throwing(choices) {
  const get = () => {
    throw THROWN;
  };
  return Object.defineProperty({}, choices.pick(KEYS), { get, enumerable: true });
}

const OTHER_REALM = runInNewContext('[0]');

const OBJECTS = [
  record,
  (choices, depth) => Object.setPrototypeOf(record(choices, depth), null),
  (choices, depth) => array(choices, () => arbitrary(choices, depth)),
  bytes,
  (choices) => new Float64Array(choices.below(9)),
  (choices) => new DataView(new ArrayBuffer(choices.below(9))),
  (choices) => new ArrayBuffer(choices.below(9)),
  (choices) => Object(choices.pick([1, 'x', true, 1n, Symbol.iterator])),
  () => new Date(Number.NaN),
  () => new Map([['fd', 3]]),
  () => new Error('x'),
  () => Object.freeze({ fd: 3, constructor: undefined }),
  () => OTHER_REALM,
  throwing,
  hostile,
];

const PRIMITIVES = [
  () => undefined,
  () => null,
  (choices) => choices.chance(50),
  number,
  number,
  bigint,
  text,
  text,
  (choices) => choices.pick([Symbol.iterator, Symbol('x'), Symbol()]),
  () => arbitrary,
  () => () => THROWN,
  () => class {},
];

/** Any value that a caller may pass. */
export function arbitrary(choices, depth = 2) {
  const makers = depth > 0 && choices.chance(40) ? OBJECTS : PRIMITIVES;
  return choices.pick(makers)(choices, depth - 1);
}

/** One of the descriptors for the calls, or a number that is no descriptor. */
function descriptor(choices, { fds }) {
  return choices.chance(80) ? choices.pick(fds) : choices.pick([0, 1, 2, -1, 99_999, 2 ** 31 - 1]);
}

const FITTING = {
  number: (choices, _type, name, given) => {
    if (/fd/.test(name)) return descriptor(choices, given);
    if (name === 'pid')
      return choices.pick([0, process.pid, process.ppid, 1, choices.below(70_000)]);
    return number(choices);
  },
  string: (choices, _type, name, { paths }) =>
    name === 'path' && choices.chance(70) ? choices.pick(paths) : text(choices),
  bigint,
  boolean: (choices) => choices.chance(50),
  undefined: () => undefined,
  null: () => null,
  literal: (_choices, { value }) => value,
  bytes,
  function: (choices) => choices.pick([() => true, () => false, () => Promise.reject(THROWN)]),
  union: (choices, { of }, name, given) => fitting(choices, choices.pick(of), name, given),
  array: (choices, { of }, name, given) => array(choices, () => fitting(choices, of, name, given)),
  object: (choices, { properties }, _name, given) => {
    const chosen = properties.filter(() => choices.chance(properties.length > 5 ? 25 : 70));
    const entries = chosen.map(({ name, type }) => [name, value(choices, type, name, given)]);
    return { ...Object.fromEntries(entries), ...(choices.chance(10) ? record(choices, 1) : {}) };
  },
  arbitrary: (choices) => arbitrary(choices),
};

/**
 * Makes a value that fits a type in the output of signatures.mjs.
 *
 * @param given - the `fds` and `paths` for the calls
 */
function fitting(choices, type, name, given) {
  return FITTING[type.kind](choices, type, name, given);
}

/** Makes a value that fits, or sometimes an arbitrary one. */
function value(choices, type, name, given) {
  return choices.chance(85) ? fitting(choices, type, name, given) : arbitrary(choices);
}

/** Makes arguments for parameters, sometimes too few or too many. */
export function argumentsFor(choices, parameters, given) {
  const args = parameters.map(({ name, type }) => value(choices, type, name, given));
  if (choices.chance(5)) return args.slice(0, choices.below(args.length + 1));
  return choices.chance(2) ? [...args, arbitrary(choices)] : args;
}
