// A server on a socket that systemd opened, and the same one on a port of its own, under the same
// manager: how long a request takes when there are as many as they can answer.
import { inBed, service, socket, whyNoBed } from './bed.mjs';
import { median } from './rounds.mjs';

/** New processes each time: two that do the same differ by up to a fifth, for as long as they live. */
const LIVES = 24;
const ROUNDS = 2;
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
  const lives = await inBed(units, async (bed) => {
    await bed.systemctl('start', 'activated.socket');
    const answers = [];
    for (let life = 0; life < Math.min(LIVES, most); life++) {
      await bed.systemctl('restart', 'activated.service', 'own.service');
      answers.push(await bed.ask('throughput-client.mjs', Math.min(ROUNDS, most), ACTIVATED, OWN));
    }
    return answers;
  });
  const [node, plain] = [0, 1].map((side) => median(lives.flatMap((times) => times[side])));
  const what = 'each of many requests, `serve()` on a socket of systemd';
  return [{ what, inPlain: 'on its own port', unit: 'µs', node, plain, target: TARGET }];
}
