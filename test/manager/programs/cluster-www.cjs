// A program that knows nothing of systemd: two cluster workers, and a primary that replaces those that end.
const cluster = require('node:cluster');

if (cluster.isPrimary) {
  for (let i = 0; i < 2; i++) cluster.fork();
  cluster.on('exit', () => cluster.fork());
} else {
  require('./bin-www.cjs');
}
