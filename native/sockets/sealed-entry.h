// A long entry of the journal as a sealed memory file, because it does not fit into a datagram.
#ifndef LIBSYSTEMD_SOCKETS_SEALED_ENTRY_H_
#define LIBSYSTEMD_SOCKETS_SEALED_ENTRY_H_

#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstddef>
#include <cstring>

#include "../system.h"

// The kernel headers of some distributions lack these.
#ifndef MFD_CLOEXEC
#define MFD_CLOEXEC 1u
#define MFD_ALLOW_SEALING 2u
#endif
#ifndef F_ADD_SEALS
#define F_ADD_SEALS (1024 + 9)
#endif

namespace libsystemd {

inline int WriteAll(int fd, const char* bytes, size_t size) {
  while (size > 0) {
    const ssize_t written = write(fd, bytes, size);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return -errno;
    bytes += written;
    size -= written;
  }
  return 0;
}

// A memory file that nobody can change any more, which journald asks for; or -errno.
inline int Sealed(const char* bytes, size_t size) {
  constexpr int kAllSeals = 0xf;  // F_SEAL_SEAL, F_SEAL_SHRINK, F_SEAL_GROW, F_SEAL_WRITE
  const int fd =
      OrErrno(syscall(SYS_memfd_create, "journal-entry", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (fd < 0) return fd;
  int result = WriteAll(fd, bytes, size);
  if (result == 0) result = Fcntl(fd, F_ADD_SEALS, kAllSeals);
  if (result == 0) return fd;
  close(fd);
  return result;
}

// ssize_t sendmsg(int sockfd, const struct msghdr *msg, int flags)
// No bytes, and one descriptor; to nullptr for a connected socket.
inline int SendDescriptor(int fd, const struct sockaddr_un* to, int passed, int flags) {
  alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  struct msghdr message = {};
  message.msg_name = const_cast<struct sockaddr_un*>(to);
  message.msg_namelen = to ? sizeof(*to) : 0;
  message.msg_control = control;
  message.msg_controllen = sizeof(control);
  struct cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  memcpy(CMSG_DATA(header), &passed, sizeof(passed));
  return OrErrno(sendmsg(fd, &message, flags));
}

// Sends an entry as a memory file. Returns 0 or more, or -errno.
inline int SendSealed(int fd, const struct sockaddr_un* to, const char* bytes, size_t size,
                      int flags) {
  const int sealed = Sealed(bytes, size);
  if (sealed < 0) return sealed;
  const int sent = SendDescriptor(fd, to, sealed, flags);
  close(sealed);
  return sent;
}

}  // namespace libsystemd

#endif  // LIBSYSTEMD_SOCKETS_SEALED_ENTRY_H_
