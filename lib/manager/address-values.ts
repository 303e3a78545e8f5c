// What an address consists of, such as `host:port` or a path. Each function returns the value that ListenX= has, or
// throws an error that quotes the whole address (`text`) and says what to write.
import { isIPv4, isIPv6 } from 'node:net';
import { excerpt } from '../base/validate.ts';
import { LONGEST_UNIX_NAME } from '../sd/sockaddr.ts';

/** The families by the names of systemd.socket(5), with their numbers of netlink(7). */
export const NETLINK_FAMILIES = new Map([
  ['route', 0],
  ['firewall', 3],
  ['inet-diag', 4],
  ['nflog', 5],
  ['xfrm', 6],
  ['selinux', 7],
  ['iscsi', 8],
  ['audit', 9],
  ['fib-lookup', 10],
  ['connector', 11],
  ['netfilter', 12],
  ['ip6-fw', 13],
  ['dnrtmsg', 14],
  ['kobject-uevent', 15],
  ['generic', 16],
  ['scsitransport', 18],
  ['ecryptfs', 19],
  ['rdma', 20],
]);

/** Addresses that are the same in a unit file, on the command line and in the test kit. */
export const EXAMPLES = '127.0.0.1:8080, [::1]:8080 or /run/app.sock';

export function noAddress(text: string, why: string): TypeError {
  const error = new TypeError(`'${excerpt(text)}' is no address: ${why}`);
  return Object.assign(error, { code: 'ERR_INVALID_ARG_VALUE' });
}

export function withinUnixName(name: string, text: string): string {
  const size = Buffer.byteLength(name);
  if (size > LONGEST_UNIX_NAME) {
    throw noAddress(
      text,
      `a Unix socket's name has at most ${LONGEST_UNIX_NAME} bytes, this has ${size}`,
    );
  }
  return name;
}

export function unixName(name: string, text: string): string {
  if (name === '@') throw noAddress(text, 'the abstract name after @ is empty');
  if (name.startsWith('@')) return withinUnixName(name, text);
  return withinUnixName(absolutePath(name, text), text);
}

export function absolutePath(path: string, text: string): string {
  if (!path.startsWith('/')) throw noAddress(text, 'a path begins with /');
  if (path.endsWith('/')) throw noAddress(text, 'the path of a socket does not end with /');
  return path;
}

export function queueName(name: string, text: string): string {
  if (!/^\/[^/]{1,254}$/.test(name)) {
    throw noAddress(
      text,
      'the name of a message queue is a / and a text without another one, such as /jobs',
    );
  }
  return name;
}

export function netlink(value: string, text: string): string {
  const [, family = ''] = /^([a-z][a-z0-9-]*)( \d+)?$/.exec(value) ?? [];
  if (!NETLINK_FAMILIES.has(family)) {
    throw noAddress(text, 'a netlink family and a group are expected, such as kobject-uevent 1');
  }
  return value;
}

export function vsock(rest: string, text: string): string {
  const [, cid, number = ''] = /^(\d*):(\d+)$/.exec(rest) ?? [];
  if (cid === undefined || Number(cid) > 2 ** 32 - 1 || Number(number) > 2 ** 32 - 1) {
    throw noAddress(text, 'vsock:CID:PORT is expected, such as vsock:2:1234');
  }
  return `vsock:${rest}`;
}

export function port(digits: string, text: string): string {
  if (digits.length > 5 || Number(digits) > 65535) {
    throw noAddress(text, 'a port is a number from 0 to 65535');
  }
  return String(Number(digits));
}

/** Checks `host:port`. Only a numeric host will do, because a name may have several addresses. */
export function hostAndPort(value: string, text: string): string {
  const [, bracketed, plain = '', digits] = /^(?:\[(.*)\]|([^[\]]*?)):(\d+)$/.exec(value) ?? [];
  if (digits === undefined) throw noAddress(text, `write one such as ${EXAMPLES}`);
  const number = port(digits, text);
  if (bracketed !== undefined) {
    if (!isIPv6(bracketed)) throw noAddress(text, `'${excerpt(bracketed)}' is no IPv6 address`);
    return `[${bracketed}]:${number}`;
  }
  if (isIPv4(plain)) return `${plain}:${number}`;
  throw noAddress(text, hostHint(plain, number));
}

function hostHint(host: string, number: string): string {
  if (host === '' || host === '*') {
    return `write 127.0.0.1:${number}, or for every interface [::]:${number}`;
  }
  if (host === 'localhost') return `write 127.0.0.1:${number} or [::1]:${number}`;
  if (isIPv6(host)) return `write [${host}]:${number}`;
  if (/[/:]/.test(host)) return `write one such as ${EXAMPLES}`;
  return `'${excerpt(host)}' is a name, and a socket needs an IP address`;
}
