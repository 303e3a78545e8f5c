// The folder is the root, although folders above have lock files too.
const root = import.meta.dirname;

export default {
  // At the build `standalone`, which makes server.js beside what `next start` needs.
  output: process.env.NEXT_OUTPUT,
  outputFileTracingRoot: root,
  turbopack: { root },
};
