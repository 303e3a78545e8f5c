// What `activate` tells: an event each, which is a line for people, or an object in a line of JSON.
import type { Remark } from '../../manager/unit-file.ts';
import type { Message } from '../../testing/message.ts';
import type { Problem } from '../../testing/problems/codes.ts';
import type { ListeningSocket } from './listening.ts';

/** What the launcher does next, after the program has ended. */
export type Next =
  /** Starts it again at once, because files have changed. */
  | 'now'
  /** Starts it again when a file changes. */
  | 'change'
  /** Starts it again at the next connection. */
  | 'connection'
  /** Restarts it by Restart=. */
  | 'restart'
  /** Nothing: the launcher ends, or with `--accept` the connection has. */
  | 'end';

/** A setting of a unit file that has no effect, and why. */
export type Setting = Pick<Remark, 'key' | 'value' | 'file' | 'line' | 'why'>;

type PlainEvent =
  /** Settings of the unit files that systemd applies, and the launcher does not. */
  | { readonly event: 'ignored'; readonly settings: readonly Setting[] }
  /** Lines of the unit files that systemd itself ignores. */
  | { readonly event: 'unknown'; readonly settings: readonly Setting[] }
  /** The sockets are open, and stay so until the launcher ends. */
  | { readonly event: 'listening'; readonly sockets: readonly ListeningSocket[] }
  /** Nothing is started before the first connection. */
  | { readonly event: 'waiting'; readonly next: Next }
  | { readonly event: 'started'; readonly pid: number; readonly command: readonly string[] }
  /** The start is complete: READY=1 has come, or with Type=simple the program runs. */
  | {
      readonly event: 'ready';
      readonly pid: number;
      /** Milliseconds since the program was started. */
      readonly after: number;
      /** Milliseconds since the program before was told to stop; absent at the first start. */
      readonly away?: number;
      readonly status?: string;
    }
  /** A reload is complete: READY=1 has come after RELOADING=1. */
  | {
      readonly event: 'reloaded';
      readonly pid: number;
      /** Milliseconds since RELOADING=1. */
      readonly after: number;
      readonly status?: string;
    }
  /** READY=1 has not come yet. */
  | { readonly event: 'slow'; readonly after: number }
  | ({ readonly event: 'message' } & Message)
  | ({ readonly event: 'problem' } & Problem)
  /** Files that have changed, as paths from the working directory. */
  | { readonly event: 'changed'; readonly files: readonly string[] }
  /** A folder whose changes can't be seen. */
  | { readonly event: 'unwatched'; readonly why: string }
  /** The program was started too often, and is not any more. */
  | { readonly event: 'given-up'; readonly why: string }
  /** The program is told to stop. */
  | {
      readonly event: 'stopping';
      readonly signal: NodeJS.Signals;
      readonly why: 'change' | NodeJS.Signals;
    }
  /** What the manager would have logged about the sockets. */
  | { readonly event: 'log'; readonly line: string }
  /** It is killed, because a second signal has come. */
  | { readonly event: 'killing' }
  | {
      readonly event: 'exited';
      readonly pid: number;
      readonly code: number | null;
      readonly signal: NodeJS.Signals | null;
      /** systemd's word for it: `success`, `exit-code`, `signal`, `timeout`, `watchdog`, … */
      readonly result: string;
      /** Why it could not be executed. */
      readonly why?: string;
      /** How many connections wait on the sockets. */
      readonly waiting: number;
      readonly next: Next;
    };

/** An event; `peer` is the client in whose service it happens, where each connection has its own (Accept=yes). */
export type LauncherEvent = PlainEvent & { readonly peer?: string };

/** Takes the events as they come. */
export type Tell = (event: LauncherEvent) => void;
