// The preset `node` makes a listener for a server of one's own, and the default a program that listens.
const isListener = process.env.NITRO_PRESET === 'node';

export default {
  compatibilityDate: '2026-11-30',
  nitro: {
    output: { dir: isListener ? 'listener' : '.output' },
    serveStatic: true, // by default the listener does not serve the files of .output/public
  },
};
