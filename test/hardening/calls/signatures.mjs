// Prints the parameters of every function of the package and of the add-on as JSON, read from their TypeScript types: by
// module and function, each `{ name, type }`. So new functions are called without a change of the tests.
import { join } from 'node:path';
import ts from 'typescript';
import { root } from '../build.mjs';

const ENTRIES = {
  libsystemd: 'lib/index.ts',
  sd: 'lib/sd.ts',
  native: 'lib/addon/exports.ts',
  sockets: 'lib/addon/sockets.ts',
};

/** The depth of nested types, enough for options in options. */
const MAX_DEPTH = 4;

const { options } = ts.parseJsonConfigFileContent(
  ts.readConfigFile(join(root, 'tsconfig.json'), ts.sys.readFile).config,
  ts.sys,
  root,
);
const files = Object.values(ENTRIES).map((file) => join(root, file));
const program = ts.createProgram(files, options);
const checker = program.getTypeChecker();

const KINDS = new Map([
  [ts.TypeFlags.Number, 'number'],
  [ts.TypeFlags.String, 'string'],
  [ts.TypeFlags.BigInt, 'bigint'],
  [ts.TypeFlags.Boolean, 'boolean'],
  [ts.TypeFlags.Undefined, 'undefined'],
  [ts.TypeFlags.Null, 'null'],
]);

const ARBITRARY = { kind: 'arbitrary' };

/** Whether a type is declared here; of Node's own objects it is no use to make one by its type. */
function isOurs(type) {
  const [declaration] = type.getSymbol()?.getDeclarations() ?? [];
  return declaration?.getSourceFile().fileName.startsWith(join(root, 'lib')) === true;
}

function describeProperties(type, depth) {
  const properties = checker.getPropertiesOfType(type).map((property) => ({
    name: property.name,
    type: describe(checker.getTypeOfSymbol(property), depth),
  }));
  return { kind: 'object', properties };
}

function describe(type, depth) {
  for (const [flag, kind] of KINDS) if ((type.flags & flag) !== 0) return { kind };
  if (type.isLiteral()) return { kind: 'literal', value: type.value };
  if ((type.flags & ts.TypeFlags.BooleanLiteral) !== 0) return { kind: 'boolean' };
  if (depth === 0) return ARBITRARY;
  if (type.isUnion()) {
    return { kind: 'union', of: type.types.map((each) => describe(each, depth - 1)) };
  }
  if (checker.isArrayType(type)) {
    return { kind: 'array', of: describe(checker.getTypeArguments(type)[0], depth - 1) };
  }
  if (type.getSymbol()?.name === 'Uint8Array') return { kind: 'bytes' };
  if (type.getCallSignatures().length > 0) return { kind: 'function' };
  return isOurs(type) ? describeProperties(type, depth - 1) : ARBITRARY;
}

function parametersOf(signature) {
  return signature.getParameters().map((parameter) => ({
    name: parameter.name,
    type: describe(checker.getTypeOfSymbol(parameter), MAX_DEPTH),
  }));
}

/** Lists a function by its name, or the methods of an object by names such as `notify.send`. */
function functionsIn(name, type, prefix = '') {
  const [signature] = type.getCallSignatures();
  if (signature !== undefined) return [[prefix + name, parametersOf(signature)]];
  if ((type.flags & ts.TypeFlags.Object) === 0 || prefix !== '') return [];
  return checker
    .getPropertiesOfType(type)
    .flatMap((method) => functionsIn(method.name, checker.getTypeOfSymbol(method), `${name}.`));
}

function symbolsOf(file) {
  const exported = checker.getExportsOfModule(
    checker.getSymbolAtLocation(program.getSourceFile(join(root, file))),
  );
  const native = exported.find(({ name }) => name === 'Native' || name === 'NativeSockets');
  return native ? checker.getPropertiesOfType(checker.getDeclaredTypeOfSymbol(native)) : exported;
}

function signaturesOf(file) {
  const values = symbolsOf(file).map((symbol) =>
    symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol,
  );
  const types = values.map((symbol) => [symbol.name, checker.getTypeOfSymbol(symbol)]);
  // Classes are left out, because they need `new`.
  const callable = types.filter(([, type]) => type.getConstructSignatures().length === 0);
  return Object.fromEntries(callable.flatMap(([name, type]) => functionsIn(name, type)));
}

const signatures = Object.entries(ENTRIES).map(([module, file]) => [module, signaturesOf(file)]);
console.log(JSON.stringify(Object.fromEntries(signatures)));
