// Numbers of the Linux ABI, the same on every processor that Node runs on.

/** The first descriptor that the service manager passes. */
export const SD_LISTEN_FDS_START = 3;

// Log levels, as a prefix of a line on standard error (sd-daemon(3)).
export const SD_EMERG = '<0>';
export const SD_ALERT = '<1>';
export const SD_CRIT = '<2>';
export const SD_ERR = '<3>';
export const SD_WARNING = '<4>';
export const SD_NOTICE = '<5>';
export const SD_INFO = '<6>';
export const SD_DEBUG = '<7>';

export const AF_UNSPEC = 0;
export const AF_UNIX = 1;
export const AF_INET = 2;
export const AF_INET6 = 10;
export const AF_NETLINK = 16;
export const AF_VSOCK = 40;

export const SOCK_STREAM = 1;
export const SOCK_DGRAM = 2;
export const SOCK_RAW = 3;
export const SOCK_RDM = 4;
export const SOCK_SEQPACKET = 5;
export const SOCK_DCCP = 6;
export const SOCK_PACKET = 10;
