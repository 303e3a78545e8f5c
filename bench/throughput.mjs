// The part throughput: how long a request takes under full load, for a server on a socket of systemd and for the same
// server on a port that it opens itself. Both run under the same manager.
import { inBed, service, socket, whyNoBed } from './bed.mjs';
import { median } from './rounds.mjs';

/** How often both servers are restarted, because two equal processes differ by up to a fifth while they live. */
const LIVES = 24;
const ROUNDS = 2;
const [ACTIVATED, OWN] = [8001, 8002];

/** This allows 2 % fewer requests per second. */
const TARGET = { times: 1.02 };

const units = {
  'activated.socket': socket(ACTIVATED),
  'activated.service': service('serve.mjs', 'Type=notify'),
  'own.service': service('serve.mjs', 'Type=notify', `Environment=PORT=${OWN}`),
};

export async function throughput(most) {
  const reason = whyNoBed();
  if (reason !== undefined) {
    console.error(`throughput: not measured, because ${reason}`);
    return [];
  }
  const lives = await inBed(units, async (bed) => {
    await bed.systemctl('start', 'activated.socket');
    const answers = [];
    for (let life = 0; life < Math.min(LIVES, most); life++) {
      await bed.systemctl('restart', 'activated.service', 'own.service');
      answers.push(
        await bed.runForJson('throughput-client.mjs', Math.min(ROUNDS, most), ACTIVATED, OWN),
      );
    }
    return answers;
  });
  const [node, plain] = [0, 1].map((side) => median(lives.flatMap((times) => times[side])));
  const what = 'each of many requests, `serve()` on a socket of systemd';
  return [{ what, inPlain: 'on its own port', unit: 'µs', node, plain, target: TARGET }];
}
