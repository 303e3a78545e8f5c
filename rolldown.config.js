// dist/ is one file an entry point and format. Loaded file by file, the modules of lib/ would take five
// times as long to import (npm run bench), and most processes that import this package are not even under
// systemd. Two files of one process may both have what they share (the add-on's loader, SystemdError):
// the state of the process is one all the same, by lib/process-state.ts. Comments are in the .d.ts files,
// where editors look for them.
/** ncc and @vercel/nft look for `__dirname` in CommonJS, and not for what `import.meta.url` becomes there. */
const literalsForCommonJs = {
  name: 'literals-for-common-js',
  transform: {
    filter: { id: /addon-places\.ts$/ },
    handler: (code) =>
      code.replace(
        /new URL\('(\.\.\/prebuilds\/[^']+)', import\.meta\.url\)/g,
        `require('node:url').pathToFileURL(__dirname + '/$1')`,
      ),
  },
};

/** Writes the size of the file into it, by which lib/own-file.ts tells it from a bundle. */
const sizeOfFile = {
  name: 'size-of-file',
  generateBundle(_options, files) {
    for (const chunk of Object.values(files)) {
      const size = String(Buffer.byteLength(chunk.code));
      chunk.code = chunk.code.replace('SIZE_OF_THIS_FILE', (name) => size.padEnd(name.length));
    }
  },
};

const bundle = (entry, format, extension) => ({
  input: `lib/${entry}.ts`,
  platform: 'node',
  plugins: format === 'cjs' ? [literalsForCommonJs, sizeOfFile] : [sizeOfFile],
  output: {
    file: `dist/${entry}.${extension}`,
    format,
    comments: { legal: false, jsdoc: false, annotation: false },
  },
});

export default ['index', 'sd'].flatMap((entry) => [
  bundle(entry, 'esm', 'js'),
  bundle(entry, 'cjs', 'cjs'),
]);
