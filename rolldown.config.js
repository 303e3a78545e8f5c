// dist/ is one file an entry point and format. Loaded file by file, the modules of lib/ would take five
// times as long to import (npm run bench), and most processes that import this package are not even under
// systemd. Two files of one process may both have what they share (the add-on's loader, SystemdError):
// the state of the process is one all the same, by lib/base/process-state.ts. Comments are in the .d.ts files,
// where editors look for them.
/**
 * In CommonJS the literals of lib/addon/prebuilt.ts are in a file of their own, in a folder with its own
 * package.json. ncc and @vercel/nft look for `__dirname` there, and not for what `import.meta.url` becomes.
 * ncc looks into no file that is called .cjs, nor into one with syntax that is newer than of 2020.
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
      return `export const prebuilt = () => require('./prebuilt.js').prebuilt();`;
    },
  },
};

/** Writes the size of the file into it, by which lib/addon/own-file.ts tells it from a bundle. */
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
  external: ['./prebuilt.js'],
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
