// dist/ is two entry points and what they share. Loaded file by file, the modules of lib/ would
// take five times as long to import (npm run bench), and most processes that import this package
// are not even under systemd. Comments are in the .d.ts files, where editors look for them.
export default {
  input: { index: 'lib/index.ts', sd: 'lib/sd.ts' },
  platform: 'node',
  external: ['node-gyp-build'],
  output: {
    dir: 'dist',
    format: 'esm',
    chunkFileNames: 'core.js',
    comments: { legal: false, jsdoc: false, annotation: false },
  },
};
