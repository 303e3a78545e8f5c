// Results of system calls in the form of libsystemd's functions: the result, or -errno.
#ifndef LIBSYSTEMD_SYSTEM_H_
#define LIBSYSTEMD_SYSTEM_H_

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

// The kernel headers of some distributions lack these. The numbers are the same on every processor.
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd 438
#endif

namespace libsystemd {

inline int OrErrno(long result) {
  return result < 0 ? -errno : static_cast<int>(result);
}

// fstat(2) by the system call statx(2), because an add-on that uses glibc's fstat needs glibc 2.33.
inline int Stat(int fd, struct statx* status) {
  constexpr unsigned kMask = STATX_TYPE | STATX_INO | STATX_SIZE;
  return OrErrno(syscall(SYS_statx, fd, "", AT_EMPTY_PATH, kMask, status));
}

#ifdef SYS_fcntl
constexpr long kFcntl = SYS_fcntl;
#else
constexpr long kFcntl = SYS_fcntl64;
#endif

// fcntl(2) by the system call itself, because an add-on that uses glibc's fcntl needs glibc 2.28.
inline int Fcntl(int fd, int command, int argument) {
  return OrErrno(syscall(kFcntl, fd, command, argument));
}

// The most descriptors that the kernel takes in one message (SCM_MAX_FD).
constexpr unsigned kMostFds = 253;

// Makes the send buffer as large as libsystemd's, because all messages that the receiver has not
// read yet count towards it. An ordinary user gets what net.core.wmem_max allows.
inline void EnlargeSendBuffer(int fd) {
  constexpr int kSize = 8 << 20;
  if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &kSize, sizeof(kSize)) == 0) return;
  setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &kSize, sizeof(kSize));
}

}  // namespace libsystemd

#endif  // LIBSYSTEMD_SYSTEM_H_
