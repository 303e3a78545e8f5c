// with-options.mjs for programs in CommonJS.
const libsystemd = require('/opt/node_modules/libsystemd');

let reloads = 0;

exports.serve = (servers, options) =>
  libsystemd.serve(servers, {
    idleTimeout: 300,
    reload: () => console.log(`reload ${++reloads}`),
    ...options,
  });
