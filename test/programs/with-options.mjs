// Stands in for libsystemd where a program of servers/ needs options that its page does not show: serve() adds them.
import * as libsystemd from '/opt/node_modules/libsystemd/dist/index.js';

export * from '/opt/node_modules/libsystemd/dist/index.js';

let reloads = 0;

export function serve(servers, options) {
  return libsystemd.serve(servers, {
    idleTimeout: 300,
    reload: () => console.log(`reload ${++reloads}`),
    ...options,
  });
}
