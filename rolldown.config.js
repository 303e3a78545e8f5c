// dist/ is one file an entry point and format. Loaded file by file, the modules of lib/ would take five
// times as long to import (npm run bench), and most processes that import this package are not even under
// systemd. Two files of one process may both have what they share (the add-on's loader, SystemdError):
// the state of the process is one all the same, by lib/process-state.ts. Comments are in the .d.ts files,
// where editors look for them.
const bundle = (entry, format, extension) => ({
  input: `lib/${entry}.ts`,
  platform: 'node',
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
