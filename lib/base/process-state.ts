// State that belongs to the process, and not to one copy of this package. A process may load several copies: one as
// ESM and one as CommonJS, two versions in node_modules, one by `import('…?x')`, or another one after a test runner
// has reset its registry of modules. All copies must see the same list of descriptors and the same running service.

/** The number changes with the shape of the states, so that copies with different shapes share none. */
const KEY = Symbol.for('libsystemd.process-state.3');

type States = Map<string, object>;

function findStates(): States {
  // Neither globalThis nor the global `process`: jest gives each test file its own global object and a copy of
  // `process`.
  const holder = process.getBuiltinModule('node:process') as { [KEY]?: States };
  if (holder[KEY] === undefined) {
    // Not enumerable, because programs that list the properties of `process` do not expect it.
    Object.defineProperty(holder, KEY, { value: new Map() });
  }
  return holder[KEY] as unknown as States;
}

/** Kept, because a start asks for a dozen states. */
let states: States | undefined;

/**
 * The state of the process with this name. The first copy of this package that asks for the state creates it. The
 * object stays the same for the life of the process: only its fields change.
 */
export function processState<State extends object>(name: string, create: () => State): State {
  states ??= findStates();
  const known = states.get(name);
  if (known !== undefined) return known as State;
  const state = create();
  states.set(name, state);
  return state;
}
