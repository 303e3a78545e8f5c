// Error numbers (errno) of Linux.

/** The errors of the kernel and of libsystemd that util.getSystemErrorMap() may lack. */
export const UNKNOWN_TO_NODE = new Map<number, [code: string, description: string]>([
  [-42, ['ENOMSG', 'no message of desired type']],
  [-62, ['ETIME', 'timer expired']],
  [-74, ['EBADMSG', 'bad message']],
  [-76, ['ENOTUNIQ', 'name not unique on network']],
  [-77, ['EBADFD', 'file descriptor in bad state']],
  [-94, ['ESOCKTNOSUPPORT', 'socket type not supported']],
  [-96, ['EPFNOSUPPORT', 'protocol family not supported']],
  [-109, ['ETOOMANYREFS', 'too many references']],
  [-115, ['EINPROGRESS', 'operation now in progress']],
  [-116, ['ESTALE', 'stale file handle']],
  [-117, ['EUCLEAN', 'structure needs cleaning']],
]);

// The numbers that this package compares a result with. They are literals, because node:os has the numbers of the
// machine that runs the program, which may be no Linux.
export const EPERM = 1;
export const ENOENT = 2;
export const ESRCH = 3;
export const EINTR = 4;
export const EBADF = 9;
export const EAGAIN = 11;
export const ENOMEM = 12;
export const EACCES = 13;
export const EEXIST = 17;
export const EINVAL = 22;
export const ENFILE = 23;
export const EMFILE = 24;
export const EFBIG = 27;
export const EPIPE = 32;
export const ERANGE = 34;
export const ENOSYS = 38;
export const ENODATA = 61;
export const ENOTSOCK = 88;
export const EMSGSIZE = 90;
export const ENOPROTOOPT = 92;
export const EAFNOSUPPORT = 97;
export const EADDRINUSE = 98;
export const ECONNRESET = 104;
export const ENOBUFS = 105;
export const ENOTCONN = 107;
export const ETOOMANYREFS = 109;
export const ETIMEDOUT = 110;
export const ECONNREFUSED = 111;
