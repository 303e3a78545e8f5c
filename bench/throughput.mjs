// A server on a socket that systemd opened, and the same one on a port of its own, under the same
// manager: how long a request takes when there are as many as they can answer.
import { inBed, service, socket, whyNoBed } from './bed.mjs';
import { median } from './rounds.mjs';

const ROUNDS = 12;
const [ACTIVATED, OWN] = [8001, 8002];

/** 0.98 × the requests a second. */
const TARGET = { times: 1.02 };

const units = {
  'activated.socket': socket(ACTIVATED),
  'activated.service': service('serve', 'Type=notify'),
  'own.service': service('serve', 'Type=notify', `Environment=PORT=${OWN}`),
};

export async function throughput(most) {
  const reason = whyNoBed();
  if (reason !== undefined) {
    console.error(`throughput is not measured: ${reason}`);
    return [];
  }
  const times = await inBed(units, async (bed) => {
    await bed.run('systemctl', 'start', 'activated.socket', 'own.service');
    return await bed.ask('throughput-client.mjs', Math.min(ROUNDS, most), ACTIVATED, OWN);
  });
  const [node, plain] = times.map(median);
  const what = 'each of many requests, `serve()` on a socket of systemd';
  return [{ what, inPlain: 'on its own port', unit: 'µs', node, plain, target: TARGET }];
}
