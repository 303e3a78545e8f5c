// State that belongs to the process and not to one copy of this package. A process may load several
// copies: as ESM and as CommonJS, two versions in node_modules, by `import('…?x')`, or anew after a
// test runner has reset its registry of modules. All of them must see one list of descriptors and one
// running service.

/** The number changes with the shape of what is kept, so that copies of another shape keep apart. */
const KEY = Symbol.for('libsystemd.process-state.1');

/**
 * The process's state of this name, made by the copy that asks first. Its object is kept for good, so
 * what changes are the fields in it.
 */
export function processState<State extends object>(name: string, create: () => State): State {
  // Not the global object: jest gives each test file one of its own, and a copy of `process` too.
  const holder = process.getBuiltinModule('node:process') as { [KEY]?: Map<string, object> };
  if (holder[KEY] === undefined) {
    // Not enumerable: whoever lists the properties of `process` does not expect it.
    Object.defineProperty(holder, KEY, { value: new Map<string, object>() });
  }
  const states = holder[KEY] as unknown as Map<string, object>;
  const known = states.get(name);
  if (known !== undefined) return known as State;
  const state = create();
  states.set(name, state);
  return state;
}
