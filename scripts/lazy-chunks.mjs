// A rolldown plugin that splits the package into an index.js and chunks, each of which is loaded at its first use: V8
// takes about 22 µs for each kilobyte of a file, used or not.
//
// lib/ knows nothing of this: its modules import each other as usual. rolldown makes CommonJS files of them, which
// `require()` each other at their top. This plugin moves each require() of a chunk to the first use of one of its
// names.

const REQUIRE = /^const (require_\w+) = require\("\.\/([\w-]+)\.js"\);\n/gm;
const EXPORT = /^exports\.([\w$]+) = ([\w$.]+);\n/gm;
const MARK_OF_MODULE = 'Object.defineProperty(exports, Symbol.toStringTag, { value: "Module" });\n';

/** An export whose value may change later. No exported value of lib/ does. */
const EXPORT_BY_GETTER =
  /^Object\.defineProperty\(exports, "([\w$]+)", \{\n\tenumerable: true,\n\tget: function\(\) \{\n\t\treturn ([\w$]+);\n\t\}\n\}\);\n/gm;

/** An object with the names that `code` uses of a chunk. The use of a name loads the chunk. */
function importLazily(code, variable, chunk) {
  const uses = code.matchAll(new RegExp(`\\b${variable}\\.([\\w$]+)`, 'g'));
  const names = [...new Set(Array.from(uses, ([, name]) => name))];
  const getters = names.map(
    (name) =>
      `\tget ${name}() {\n\t\treturn (${variable}_ ??= require("./${chunk}.js")).${name};\n\t}`,
  );
  return `let ${variable}_;\nconst ${variable} = {\n${getters.join(',\n')}\n};\n`;
}

/**
 * Splits the text of a file into its code, with lazy imports, and its exports.
 *
 * @param further - the names of chunks that nothing in this file uses
 */
function separate(code, further = []) {
  const exported = new Map();
  const record = (_all, name, value) => {
    exported.set(name, value);
    return '';
  };
  const body = code
    .replace(MARK_OF_MODULE, '')
    .replace(EXPORT_BY_GETTER, record)
    .replace(EXPORT, record)
    .replace(REQUIRE, (_all, variable, file) => {
      if (further.includes(file)) return '';
      return file === 'index'
        ? `const ${variable} = require("./index.js").internals;\n`
        : importLazily(code, variable, file);
    });
  const unknown =
    /^(?:exports\.|Object\.defineProperty\(exports|const require_\w+ = require\((?!"\.\/index)).*/m.exec(
      body,
    );
  if (unknown !== null) throw new Error(`rolldown has changed how it writes: ${unknown[0]}`);
  return { body, exported };
}

function asObject(names) {
  const lines = Array.from(names, ([name, value]) => (name === value ? name : `${name}: ${value}`));
  return `{\n\t${lines.join(',\n\t')}\n}`;
}

const chunkFile = ({ body, exported }) => `${body}module.exports = ${asObject(exported)};\n`;

/** The name of the chunk that has a public name; undefined for a name that is in the entry. */
const chunkOf = (exported, name) => /^require_(\w+)\.\w+$/.exec(exported.get(name))?.[1];

/** A public function that is in a chunk, for the entry: the first call loads the chunk. */
const deferredFunction = (name, chunk) =>
  `function ${name}(...args) {\n\treturn require_${chunk}.${name}(...args);\n}\nexports.${name} = ${name};\n`;

/** Any other public value that is in a chunk. The first look at the value loads the chunk. */
const deferredValue = (name, chunk) =>
  `Object.defineProperty(exports, "${name}", { enumerable: true, get: () => require_${chunk}.${name} });\n`;

function publicExport(name, exported, chunks) {
  const chunkName = chunkOf(exported, name);
  if (chunkName === undefined) return `exports.${name} = ${name};\n`;
  const { code } = chunks.find((chunk) => chunk.name === chunkName);
  const isFunction = new RegExp(`^(async )?function ${name}\\(`, 'm').test(code);
  return isFunction ? deferredFunction(name, chunkName) : deferredValue(name, chunkName);
}

/** The chunks see what they use of the entry as `internals`, which is not enumerable, because it is not public. */
function entryFile({ body, exported }, publicNames, chunks) {
  const names = chunks.map(({ name }) => name);
  const internals = [...exported].filter(([name]) => chunkOf(exported, name) === undefined);
  return [
    body,
    `setLoadAll(() => {\n${names.map((name) => `\trequire("./${name}.js");\n`).join('')}});\n`,
    ...publicNames.map((name) => publicExport(name, exported, chunks)),
    `Object.defineProperty(exports, "internals", { value: ${asObject(internals)} });\n`,
  ].join('');
}

/** What this plugin and lib/import.ts call of lib/addon/chunks.ts. */
const FOR_THE_BUILD = ['loadChunks', 'setLoadAll'];

/**
 * @param further - the names of chunks that use index.js and the other chunks, and that only their own users load: the
 * chunk NAME.js has lib/NAME.ts, which exports start()
 */
export function lazyChunks(further = []) {
  const added = [
    `export { ${FOR_THE_BUILD} } from './addon/chunks.ts';`,
    ...further.map((name) => `export { start as ${name} } from './${name}.ts';`),
  ].join('\n');

  return {
    name: 'lazy-chunks',
    transform: {
      filter: { id: /\/lib\/index\.ts$/ },
      handler: (code) => `${code}\n${added}\n`,
    },
    generateBundle(_options, files) {
      const outputs = Object.values(files).filter(({ type }) => type === 'chunk');
      const entry = outputs.find(({ name }) => name === 'index');
      const chunks = outputs.filter((output) => output !== entry);
      const { exports } = this.getModuleInfo(entry.facadeModuleId);
      const internal = [...FOR_THE_BUILD, ...further];
      const publicNames = exports.filter((name) => !internal.includes(name));
      const own = chunks.filter(({ name }) => !further.includes(name));
      entry.code = entryFile(separate(entry.code, further), publicNames, own);
      for (const chunk of chunks) chunk.code = chunkFile(separate(chunk.code));
    },
  };
}
