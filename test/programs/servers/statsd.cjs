const { createSocket } = require('node:dgram');
const { serve } = require('libsystemd');

// A server module of statsd: config.servers names it. statsd flushes its counters when the process exits.
exports.start = (config, callback) => {
  serve(createSocket('udp4', callback), { fallback: config.port ?? 8125, signals: 'take' })
    .then(({ stopped }) => stopped)
    .then(() => process.exit());
  return true;
};
