import { defineNitroConfig } from 'nitropack/config';

// The preset `node` makes a listener for a server of one's own, and the default a program that listens.
const isListener = process.env.NITRO_PRESET === 'node';

export default defineNitroConfig({
  compatibilityDate: '2026-11-30',
  output: { dir: isListener ? 'listener' : '.output' },
});
