// Counts what clients of statsd send, such as requests:1|c. `systemctl status` shows the totals.
import { serve } from 'libsystemd';
import { UnixDatagram } from 'libsystemd/unix';

const totals = new Map();
const statsd = new UnixDatagram();
statsd.on('message', (data) => {
  for (const line of data.toString().split('\n')) {
    const [, name, value] = /^([\w.]+):(-?\d+(?:\.\d+)?)\|c$/.exec(line) ?? [];
    if (name !== undefined) totals.set(name, (totals.get(name) ?? 0) + Number(value));
  }
});

const status = () => Array.from(totals, ([name, total]) => `${name}=${total}`).join(' ') || 'empty';
const options = { status, fallback: { path: './statsd', mode: 0o666 } };
const service = await serve(statsd, options);
await service.stopped;
console.log(`Counted ${status()}`);
