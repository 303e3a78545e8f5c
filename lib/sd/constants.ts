// The constants of sd-daemon.h and of socket(2). The numbers are the same on every processor that Node runs on.

/** The number of the first descriptor that the service manager passes. */
export const SD_LISTEN_FDS_START = 3;

/** Prefix of a line on standard error, see sd-daemon(3): the system is unusable. */
export const SD_EMERG = '<0>';
/** Prefix of a line on standard error: action must be taken at once. */
export const SD_ALERT = '<1>';
/** Prefix of a line on standard error: critical. */
export const SD_CRIT = '<2>';
/** Prefix of a line on standard error: an error. */
export const SD_ERR = '<3>';
/** Prefix of a line on standard error: a warning. */
export const SD_WARNING = '<4>';
/** Prefix of a line on standard error: normal, but significant. */
export const SD_NOTICE = '<5>';
/** Prefix of a line on standard error: information. */
export const SD_INFO = '<6>';
/** Prefix of a line on standard error: a message for debugging. */
export const SD_DEBUG = '<7>';

/** Address family of socket(2): any family. */
export const AF_UNSPEC = 0;
/** Address family: Unix, see unix(7). */
export const AF_UNIX = 1;
/** Address family: IPv4, see ip(7). */
export const AF_INET = 2;
/** Address family: IPv6, see ipv6(7). */
export const AF_INET6 = 10;
/** Address family: netlink, see netlink(7). */
export const AF_NETLINK = 16;
/** Address family: a virtual machine and its host, see vsock(7). */
export const AF_VSOCK = 40;

/** Socket type of socket(2): a byte stream. */
export const SOCK_STREAM = 1;
/** Socket type: datagrams. */
export const SOCK_DGRAM = 2;
/** Socket type: raw packets, see raw(7). */
export const SOCK_RAW = 3;
/** Socket type: reliable datagrams, not in order. */
export const SOCK_RDM = 4;
/** Socket type: datagrams in order, over a connection. */
export const SOCK_SEQPACKET = 5;
/** Socket type: DCCP. */
export const SOCK_DCCP = 6;
/** Socket type: obsolete, see packet(7). */
export const SOCK_PACKET = 10;
