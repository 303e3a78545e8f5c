// Bundles the types of each entry point into one file. dist/cjs/ has a copy for `require()`, because TypeScript takes the
// file in dist/ for an ES module, which not every version lets CommonJS import.
import { dts } from 'rollup-plugin-dts';

export default [
  'index',
  'sd',
  'auto',
  'testing',
  'doctor',
  'environment',
  'journal',
  'pino',
  'winston',
  'unix',
].map((entry) => ({
  input: `lib/${entry}.ts`,
  plugins: [dts({ tsconfig: 'tsconfig.json', compilerOptions: { stripInternal: true } })],
  output: [
    { file: `dist/${entry}.d.ts`, format: 'es' },
    { file: `dist/cjs/${entry}.d.ts`, format: 'es' },
  ],
}));
