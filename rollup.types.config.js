// The types of each entry point in one file, for `import` and for `require()`: a second one in dist/cjs/,
// because TypeScript takes the first for the types of an ES module, which CommonJS may not load everywhere.
import { dts } from 'rollup-plugin-dts';

export default ['index', 'sd'].map((entry) => ({
  input: `lib/${entry}.ts`,
  plugins: [dts({ tsconfig: 'tsconfig.json', compilerOptions: { stripInternal: true } })],
  output: [
    { file: `dist/${entry}.d.ts`, format: 'es' },
    { file: `dist/cjs/${entry}.d.ts`, format: 'es' },
  ],
}));
