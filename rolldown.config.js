// Bundles lib/ into dist/: one file for each entry point and format, because an import of many files would take five times
// as long (npm run bench). A process may load two of these files, which both contain shared modules (the add-on's loader,
// SystemdError). lib/base/process-state.ts makes them share their state. Comments are only in the .d.ts files, where
// editors look for them.

/**
 * Puts the paths of lib/addon/prebuilt.ts into a CommonJS file of its own, because ncc and @vercel/nft look for
 * `__dirname`, and don't recognize what `import.meta.url` becomes in CommonJS. The folder gets its own package.json,
 * because ncc skips .cjs files. ncc also skips files with syntax newer than 2020.
 */
const commonJs = {
  name: 'common-js',
  transform: {
    filter: { id: /prebuilt\.ts$/ },
    handler(code) {
      const source = code
        .replace(/^\/\/.*\n|\/\*[\s\S]*?\*\/\n/gm, '')
        .replace('export function prebuilt(): URL | undefined', 'exports.prebuilt = function ()')
        .replace(
          /new URL\('(.*?)', import\.meta\.url\)/g,
          `require('node:url').pathToFileURL(__dirname + '/../$1')`,
        );
      this.emitFile({ type: 'asset', fileName: 'prebuilt.js', source: source.trimStart() });
      const type = '{ "type": "commonjs" }\n';
      this.emitFile({ type: 'asset', fileName: 'package.json', source: type });
      // From lib/addon/, because rolldown turns the path into one from lib/, and so from dist/cjs/.
      return `export const prebuilt = () => require('../prebuilt.js').prebuilt();`;
    },
  },
};

/** Writes the size of the file into the file, so that lib/addon/own-file.ts can tell the file from a user's bundle. */
const sizeOfFile = {
  name: 'size-of-file',
  generateBundle(_options, files) {
    for (const chunk of Object.values(files)) {
      if (chunk.type !== 'chunk') continue;
      const size = String(Buffer.byteLength(chunk.code));
      chunk.code = chunk.code.replace('SIZE_OF_THIS_FILE', (name) => size.padEnd(name.length));
    }
  },
};

const bundle = (entry, format, file, plugins) => ({
  input: `lib/${entry}.ts`,
  platform: 'node',
  external: ['../prebuilt.js'],
  plugins: [...plugins, sizeOfFile],
  output: {
    file,
    format,
    comments: { legal: false, jsdoc: false, annotation: false },
  },
});

export default ['index', 'sd'].flatMap((entry) => [
  bundle(entry, 'esm', `dist/${entry}.js`, []),
  bundle(entry, 'cjs', `dist/cjs/${entry}.js`, [commonJs]),
]);
