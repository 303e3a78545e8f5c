// dist/ is one file an entry point. Loaded file by file, the modules of lib/ would take five times as
// long to import (npm run bench), and most processes that import this package are not even under
// systemd. What both files have (the add-on's loader, SystemdError) may exist twice. Comments are in
// the .d.ts files, where editors look for them.
const bundle = (input) => ({
  input,
  platform: 'node',
  external: ['node-gyp-build'],
  output: {
    dir: 'dist',
    format: 'esm',
    comments: { legal: false, jsdoc: false, annotation: false },
  },
});

export default [bundle('lib/index.ts'), bundle('lib/sd.ts')];
