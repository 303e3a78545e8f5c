// What each setting of a socket unit's file does to the descriptions of its sockets.
import { isFdName } from '../../base/fd-names.ts';
import { whyNotListenable } from '../addresses.ts';
import type { SocketDescription } from '../socket-description.ts';
import { parseUnitName } from './unit-name.ts';
import { InvalidValue, toBoolean, toBytes, toMilliseconds, toMode, toUnsigned } from './values.ts';

/** The options that all sockets of a unit share. */
type Options = {
  -readonly [Key in keyof Omit<SocketDescription, 'kind' | 'address'>]?: SocketDescription[Key];
};

/** What the files of a socket unit have said so far. */
export class SocketDraft {
  listeners: Pick<SocketDescription, 'kind' | 'address'>[] = [];
  readonly options: Options = {};
  accept = false;
  maxConnections: number | undefined;
  triggerBurst: number | undefined;
  triggerInterval: number | undefined;
  /** Service=; undefined: the service of the same name. */
  service: string | undefined;
}

type Apply = (draft: SocketDraft, value: string, expand: (text: string) => string) => void;

const listen =
  (kind: SocketDescription['kind']): Apply =>
  (draft, value, expand) => {
    if (value === '') {
      draft.listeners = []; // of every kind
      return;
    }
    const listener = { kind, address: expand(value) };
    const why = whyNotListenable(listener);
    if (why !== undefined) throw new InvalidValue(why);
    draft.listeners.push(listener);
  };

const set =
  <Key extends keyof Options>(key: Key, parse: (text: string) => Options[Key]): Apply =>
  ({ options }, value) => {
    options[key] = parse(value);
  };

function setName({ options }: SocketDraft, value: string, expand: (text: string) => string): void {
  if (value === '') {
    delete options.name;
    return;
  }
  const name = expand(value);
  if (name === '' || !isFdName(name)) {
    throw new InvalidValue(
      'a name of 1 to 255 printable ASCII characters without a colon is expected',
    );
  }
  options.name = name;
}

/** `yes` and `no` are older words. */
function toBindIPv6Only(value: string): Options['bindIPv6Only'] {
  if (['default', 'both', 'ipv6-only'].includes(value)) return value as Options['bindIPv6Only'];
  return toBoolean(value) ? 'ipv6-only' : 'both';
}

/** The settings of [Socket] that are applied. */
export const SOCKET_SETTINGS: Readonly<Record<string, Apply>> = {
  ListenStream: listen('stream'),
  ListenDatagram: listen('datagram'),
  ListenSequentialPacket: listen('seqpacket'),
  ListenFIFO: listen('fifo'),
  ListenMessageQueue: listen('queue'),
  ListenSpecial: listen('special'),
  ListenNetlink: listen('netlink'),
  FileDescriptorName: setName,
  Service: (draft, value, expand) => {
    const name = expand(value);
    if (parseUnitName(name)?.suffix !== '.service')
      throw new InvalidValue('the name of a service is expected, such as app.service');
    draft.service = name;
  },
  Accept: (draft, value) => {
    draft.accept = toBoolean(value);
  },
  MaxConnections: (draft, value) => {
    draft.maxConnections = toUnsigned(value);
  },
  TriggerLimitBurst: (draft, value) => {
    draft.triggerBurst = toUnsigned(value);
  },
  TriggerLimitIntervalSec: (draft, value) => {
    draft.triggerInterval = toMilliseconds(value);
  },
  Backlog: set('backlog', toUnsigned),
  SocketMode: set('mode', toMode),
  DirectoryMode: set('directoryMode', toMode),
  BindIPv6Only: set('bindIPv6Only', toBindIPv6Only),
  ReusePort: set('reusePort', toBoolean),
  FreeBind: set('freeBind', toBoolean),
  Transparent: set('transparent', toBoolean),
  Broadcast: set('broadcast', toBoolean),
  KeepAlive: set('keepAlive', toBoolean),
  NoDelay: set('noDelay', toBoolean),
  PassCredentials: set('passCredentials', toBoolean),
  RemoveOnStop: set('removeOnStop', toBoolean),
  ReceiveBuffer: set('receiveBuffer', toBytes),
  SendBuffer: set('sendBuffer', toBytes),
  PipeSize: set('pipeSize', toBytes),
  MessageQueueMaxMessages: set('messageQueueMaxMessages', toUnsigned),
  MessageQueueMessageSize: set('messageQueueMessageSize', toUnsigned),
};
