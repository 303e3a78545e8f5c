// The end of the process: by having nothing left to do, or by process.exit() before its time.
import { net } from '../base/lazy-builtins.ts';
import { warn, warnAtExit } from '../base/warn.ts';

/** As Node has it for its standard streams; not documented. */
interface StandardStream {
  readonly fd?: number;
  readonly _handle?: {
    readonly constructor: { readonly name: string };
    readonly reading?: boolean;
  };
}

/** How process.getActiveResourcesInfo() calls what a standard stream is made of. */
const RESOURCES: Readonly<Record<string, string>> = {
  Pipe: 'PipeWrap',
  TCP: 'TCPSocketWrap',
  TTY: 'TTYWrap',
};

/** Not documented, and the only way to say which sockets. */
function activeHandles(): readonly unknown[] {
  return (process as { _getActiveHandles?(): unknown[] })._getActiveHandles?.() ?? [];
}

/** Standard output and error hold nothing, though Node counts them; nor does input that nobody reads. */
function idleStandardStreams(): string[] {
  const handles = activeHandles() as readonly StandardStream[];
  const [input, ...outputs] = [0, 1, 2].map((fd) => handles.find((handle) => handle.fd === fd));
  const idle = input?._handle?.reading ? outputs : [input, ...outputs];
  return idle.map((stream) => RESOURCES[stream?._handle?.constructor.name ?? ''] ?? '');
}

function peerOf(handle: unknown): string | undefined {
  if (!(handle instanceof net().Socket)) return undefined;
  const { remoteAddress, remotePort } = handle;
  return remoteAddress === undefined ? undefined : `a socket to ${remoteAddress}:${remotePort}`;
}

/** What keeps the event loop going: what Node calls its resources, and the peers of the sockets. */
function whatHolds(): string {
  const counts = new Map<string, number>();
  for (const resource of process.getActiveResourcesInfo()) {
    counts.set(resource, (counts.get(resource) ?? 0) + 1);
  }
  for (const resource of idleStandardStreams()) {
    const count = counts.get(resource);
    if (count !== undefined) counts.set(resource, count - 1);
  }
  const resources = [...counts]
    .filter(([, count]) => count > 0)
    .map(([name, count]) => (count > 1 ? `${count} ${name}` : name));
  const peers = activeHandles()
    .map(peerOf)
    .filter((peer) => peer !== undefined);
  return [...resources, ...peers].join(', ');
}

/**
 * Ends the process by force, saying what held it, when it has not ended by itself in this time. Returns a
 * function that cancels this.
 */
export function setExitDeadline(milliseconds: number): () => void {
  if (milliseconds === Number.POSITIVE_INFINITY) return () => {};
  const end = () => {
    warn(
      `The service has stopped, and after ${milliseconds} ms this still holds its process: ${whatHolds()}`,
      {
        code: 'ERR_SYSTEMD_HELD',
        detail: 'Close it in the stop hook. The process ends now.',
      },
    );
    setImmediate(() => process.exit()); // the warning is written before
  };
  const timer = setTimeout(end, milliseconds).unref();
  return () => clearTimeout(timer);
}

/** The frame of process.exit() itself, below which are those of who has called it. */
const EXIT_FRAME = /^ +at (?:\S+\.)?exit \(node:.*$/m;

/** The whole stack, unless --frozen-intrinsics forbids to ask for more than Node's ten frames. */
function wholeStack(): string {
  const { stackTraceLimit } = Error;
  Reflect.set(Error, 'stackTraceLimit', Number.POSITIVE_INFINITY);
  const { stack } = new Error();
  Reflect.set(Error, 'stackTraceLimit', stackTraceLimit);
  return String(stack); // a program may have its own Error.prepareStackTrace()
}

/** Who has called process.exit(), from whose stack a listener of 'exit' is called. */
function callerOfExit(): string | undefined {
  const stack = wholeStack();
  const frame = EXIT_FRAME.exec(stack);
  return frame === null ? undefined : stack.slice(frame.index + frame[0].length + 1);
}

/** How the process ends. */
export interface ProcessEnd {
  readonly code: number;
  /** The stack of who has called process.exit(); undefined when it ends in another way. */
  readonly caller: string | undefined;
}

/** Calls `tell` when the process ends. Returns a function that cancels this. */
export function onExit(tell: (end: ProcessEnd) => void): () => void {
  const listener = (code: number) => tell({ code, caller: callerOfExit() });
  // First, so that what the program does at its end comes after what its service still does.
  process.prependOnceListener('exit', listener);
  return () => process.off('exit', listener);
}

/** Tells who has ended the process before its time. */
export function warnOfExit(code: number, when: string, caller: string): void {
  warnAtExit(`process.exit(${code}) was called ${when}. It was called`, {
    code: 'ERR_SYSTEMD_EXIT',
    detail: caller,
  });
}
