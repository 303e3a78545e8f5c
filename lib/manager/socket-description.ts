// The description of one socket: what its socket unit says.

/** The kinds of sockets, one for each of ListenStream=, ListenDatagram= and their like. */
export type SocketKind =
  | 'stream'
  | 'datagram'
  | 'seqpacket'
  | 'fifo'
  | 'queue'
  | 'special'
  | 'netlink';

/** The kinds that accept connections. */
export const ACCEPTING_KINDS: readonly SocketKind[] = ['stream', 'seqpacket'];

/** One listening socket, with the directives of systemd.socket(5) that apply to it. */
export interface SocketDescription {
  /** FileDescriptorName= */
  readonly name: string;
  readonly kind: SocketKind;
  /** The value of the ListenX= line: '127.0.0.1:0', '[::1]:80', '8080', '/run/x', '@name', '/queue'. */
  readonly address: string;
  /** Backlog=. Default: the kernel's largest. */
  readonly backlog?: number;
  /** SocketMode=, of a Unix socket, a FIFO or a queue. Default: 0o666. */
  readonly mode?: number;
  /** DirectoryMode=, of folders that have to be made. Default: 0o755. */
  readonly directoryMode?: number;
  /** BindIPv6Only=. Default: 'default', the kernel's own setting. */
  readonly bindIPv6Only?: 'default' | 'both' | 'ipv6-only';
  readonly reusePort?: boolean;
  readonly freeBind?: boolean;
  readonly transparent?: boolean;
  readonly broadcast?: boolean;
  readonly keepAlive?: boolean;
  readonly noDelay?: boolean;
  readonly passCredentials?: boolean;
  /** RemoveOnStop=: the file of a Unix socket or a FIFO, or the queue, is removed at the end. */
  readonly removeOnStop?: boolean;
  /** ReceiveBuffer=, in bytes. Default: the kernel's. */
  readonly receiveBuffer?: number;
  /** SendBuffer=, in bytes. Default: the kernel's. */
  readonly sendBuffer?: number;
  /** PipeSize=, of a FIFO, in bytes. Default: the kernel's. */
  readonly pipeSize?: number;
  readonly messageQueueMaxMessages?: number;
  /** MessageQueueMessageSize=, in bytes. */
  readonly messageQueueMessageSize?: number;
}
