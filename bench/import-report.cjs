// Loaded before a program of bench/import.mjs: says at its end what it took, and what it loaded.
const { readFileSync } = require('node:fs');

process.once('exit', () => {
  const ms = performance.now(); // since the process was started
  const { rss, heapUsed } = process.memoryUsage();
  const maps = readFileSync('/proc/self/maps', 'latin1');
  const loaded = [...new Set(maps.match(/[^/\n]+\.node$|libsystemd\.so[^/\n]*$/gm))];
  console.log(JSON.stringify({ ms, rss, heapUsed, loaded }));
});
