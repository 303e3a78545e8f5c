// The lines that tell a person what to change when the sockets of systemd are not those that the program asks for.
import { escapeUnambiguously } from '../base/printable.ts';
import { warn } from '../base/warn.ts';
import type { InheritedDescriptor } from '../descriptor/inspect.ts';
import { formatPlace, formatWish, portOf, type Wish } from './matching.ts';

const CODE = 'ERR_SYSTEMD_NO_MATCH';

const list = (texts: readonly string[]) => [...new Set(texts)].join(', ');

/**
 * `systemd holds 8101, the program listens on 9999: set PORT=8101 or FileDescriptorName=9999 in the .socket unit or
 * Environment=LIBSYSTEMD_AUTO=9999=app.socket`
 */
export function explainNoMatch(
  sockets: readonly InheritedDescriptor[],
  wishes: readonly Wish[],
): string {
  const [socket] = sockets as [InheritedDescriptor];
  const [wish] = wishes as [Wish];
  const ways: string[] = [];
  // Port 0 is Node's choice. The program may have been told the port, and have found it in use.
  const isAnyPort = wish.port === 0;
  if (wish.port !== undefined && !isAnyPort) {
    if (portOf(socket) !== undefined) ways.push(`PORT=${portOf(socket)}`);
    ways.push(`FileDescriptorName=${wish.port} in the .socket unit`);
  }
  ways.push(`Environment=LIBSYSTEMD_AUTO=${formatWish(wish)}=${socket.name}`);
  const held = list(sockets.map(formatPlace));
  const why = isAnyPort
    ? `, which is any free port, perhaps because ${held} seems to be in use`
    : '';
  const asked = `${list(wishes.map(formatWish))}${why}`;
  return `systemd holds ${held}, the program listens on ${asked}: set ${ways.join(' or ')}`;
}

/** For the warning of an inherited socket without a server, although READY=1 is sent. */
export function adviseUntaken(name: string): string {
  const place = 'where PORT is the port or path on which the server listens';
  return `Give that socket a server of the program by Environment=LIBSYSTEMD_AUTO=PORT=${escapeUnambiguously(name)}, ${place}`;
}

export function warnOfNoMatch(explanation: string): void {
  const detail = "READY=1 is not sent, because nobody serves the clients of systemd's sockets.";
  warn(explanation, { code: CODE, detail });
}

/** Says that LIBSYSTEMD_AUTO names a socket that systemd has not passed: perhaps its name is misspelled. */
export function warnOfUnknownName(
  wish: Wish,
  name: string,
  sockets: readonly InheritedDescriptor[],
): void {
  const place = formatWish(wish);
  const passed = list(sockets.map((socket) => escapeUnambiguously(socket.name)));
  const [first] = sockets as [InheritedDescriptor];
  warn(
    `LIBSYSTEMD_AUTO gives ${place} the socket ${escapeUnambiguously(name)}, and systemd has passed ${passed}: set Environment=LIBSYSTEMD_AUTO=${place}=${escapeUnambiguously(first.name)}`,
    { code: CODE },
  );
}

/** Says that a server listens as the program wished, beside inherited sockets. */
export function warnOfOwnPlace(wish: Wish, sockets: readonly InheritedDescriptor[]): void {
  const held = list(sockets.map(formatPlace));
  warn(`The program listens on ${formatWish(wish)} by itself: systemd holds ${held}`, {
    code: CODE,
  });
}
