// The service of one connection (Accept=yes), as it is told.
import { peerCredentials } from '../../descriptor/peer-credentials.ts';
import type { Instance } from '../../manager/instance.ts';
import type { ProcessExit } from '../../manager/world.ts';
import { History } from '../../testing/history.ts';
import type { Tell } from './events.ts';
import { News, type ToldProblems } from './news.ts';
import { isSettled } from './next.ts';
import { Runs } from './runs.ts';

/** The client: its address, or of a Unix socket its pid. */
function peerOf({ variables, passed }: Instance): string {
  const { REMOTE_ADDR: host, REMOTE_PORT: port } = variables;
  if (host === undefined) return pidOfPeer(passed[0]?.fd);
  if (port === undefined) return host;
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

function pidOfPeer(fd: number | undefined): string {
  try {
    return `process ${peerCredentials(fd as number).pid}`;
  } catch {
    return 'a client that has gone';
  }
}

export class ServedConnection {
  readonly history: History;
  readonly #instance: Instance;
  readonly #news: News;
  readonly #runs: Runs;

  /** @param onChange - called when there may be something to tell */
  constructor(instance: Instance, told: ToldProblems, tell: Tell, onChange: () => void) {
    const peer = peerOf(instance);
    const tellOfIt: Tell = (event) => tell({ ...event, peer });
    this.#instance = instance;
    this.history = new History(onChange);
    this.history.attach(instance);
    this.history.begin();
    this.history.lookLater();
    this.#news = new News(this.history, told, tellOfIt);
    this.#runs = new Runs(instance, this.history, tellOfIt, () => {});
  }

  get exit(): ProcessExit | undefined {
    return this.#runs.lastExit;
  }

  get result(): string {
    return this.#instance.service.rules.result;
  }

  /** Tells what is new. Returns true when the service has ended for good. */
  look(): boolean {
    this.#news.tellMessages();
    this.#runs.follow();
    this.#runs.tellReadiness();
    this.#news.tellProblems();
    if (!isSettled(this.#instance)) return false;
    const { isAtRest } = this.#instance;
    if (this.#runs.isRunning) this.#runs.tellExit(isAtRest ? 'end' : 'restart');
    return isAtRest;
  }

  /** Stops the service as systemd would. */
  stop(why: NodeJS.Signals): void {
    this.#runs.tellStop(this.#instance.description.killSignal, why);
    this.#instance.service.rules.stop();
  }

  close(): void {
    this.#runs.close();
  }
}
