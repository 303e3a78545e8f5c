// Loaded before a program of import.mjs. At the end of the program, prints its time, its memory and the loaded
// libraries as JSON.
const { readFileSync } = require('node:fs');

process.once('exit', () => {
  const ms = performance.now(); // since the process was started
  const { rss, heapUsed } = process.memoryUsage();
  const maps = readFileSync('/proc/self/maps', 'latin1');
  const loaded = [...new Set(maps.match(/[^/\n]+\.node$|libsystemd\.so[^/\n]*$/gm))];
  console.log(JSON.stringify({ ms, rss, heapUsed, loaded }));
});
