// The control messages of a datagram: who sent it, and the descriptors that came with it. They are
// bytes here, so that they can be fuzzed.
#ifndef LIBSYSTEMD_SOCKETS_CONTROL_H_
#define LIBSYSTEMD_SOCKETS_CONTROL_H_

#include <sys/socket.h>

#include <cstring>

#include "../system.h"

namespace libsystemd {

// SCM_PIDFD of Linux 6.5, which the headers of some distributions lack.
constexpr int kPidfdOfSender = 4;

// What the control messages say. Without credentials the pid is 0, and uid and gid are -1.
struct Control {
  struct ucred sender = {0, static_cast<uid_t>(-1), static_cast<gid_t>(-1)};
  unsigned count = 0;
  int fds[kMostFds];
  int pidfd = -1;  // Of the sender, on a socket with SO_PASSPIDFD (PassPIDFD=); otherwise -1.
};

// Room for the control messages of any datagram: the kernel adds credentials, and descriptors once.
constexpr size_t kControlSize =
    CMSG_SPACE(sizeof(struct ucred)) + CMSG_SPACE(kMostFds * sizeof(int));

// Reads `size` bytes of control messages, which recvmsg(2) has written. The caller owns the
// descriptors then. CMSG_NXTHDR() is no help, because glibc's calls a function that musl lacks.
inline void ReadControl(const char* bytes, size_t size, Control* control) {
  while (size >= sizeof(struct cmsghdr)) {
    struct cmsghdr header;
    memcpy(&header, bytes, sizeof(header));
    if (header.cmsg_len < CMSG_LEN(0) || header.cmsg_len > size) return;
    const char* data = bytes + CMSG_LEN(0);
    const size_t length = header.cmsg_len - CMSG_LEN(0);
    const int type = header.cmsg_level == SOL_SOCKET ? header.cmsg_type : -1;
    if (type == SCM_CREDENTIALS && length >= sizeof(control->sender)) {
      memcpy(&control->sender, data, sizeof(control->sender));
    } else if (type == kPidfdOfSender && length >= sizeof(control->pidfd)) {
      memcpy(&control->pidfd, data, sizeof(control->pidfd));
    } else if (type == SCM_RIGHTS) {
      const size_t room = kMostFds - control->count, passed = length / sizeof(int);
      const size_t taken = passed < room ? passed : room;
      memcpy(control->fds + control->count, data, taken * sizeof(int));
      control->count += taken;
    }
    const size_t step = CMSG_ALIGN(header.cmsg_len);
    if (step > size) return;
    bytes += step;
    size -= step;
  }
}

}  // namespace libsystemd

#endif  // LIBSYSTEMD_SOCKETS_CONTROL_H_
