import { execFileSync } from 'node:child_process';

/** The limit of a listener's accept queue, which ss(8) has in its column Send-Q. */
export function backlog({ path, port }) {
  const args = path ? ['-Hlxn', 'src', path] : ['-Hltn', `sport = :${port}`];
  const lines = execFileSync('ss', args, { encoding: 'utf8' }).trim().split('\n');
  const [, sendQ] = /LISTEN +\d+ +(\d+) /.exec(lines.length === 1 ? lines[0] : '') ?? [];
  return Number(sendQ);
}
