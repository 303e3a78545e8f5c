// The transport of journal entries: datagrams of the native protocol of systemd-journald, of which
// no one waits for journald. Each function returns the result of the system call, or -errno.
#include <poll.h>
#include <sys/un.h>

#include <cstring>

#include "../held-fds.h"
#include "../system.h"
#include "addon.h"
#include "sealed-entry.h"

namespace libsystemd {
namespace {

constexpr int kSendFlags = MSG_DONTWAIT | MSG_NOSIGNAL;

// Moves a descriptor above the standard streams, because other code writes to their numbers
// although they are closed.
int AboveStandardStreams(int fd) {
  if (fd < 0 || fd > STDERR_FILENO) return fd;
  const int above = Fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
  close(fd);
  return above;
}

// int connect(int sockfd, const struct sockaddr *addr, socklen_t addrlen)
// A new socket, connected to the Unix address of a receiver of datagrams.
int OpenJournal(Call& call) {
  struct sockaddr_un to = {};
  const size_t length = call.Length(0);
  if (length <= sizeof(to.sun_family) || length > sizeof(to)) return -EINVAL;
  memcpy(&to, call.Data(0), length);
  const int fd =
      AboveStandardStreams(OrErrno(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)));
  if (fd < 0) return fd;
  EnlargeSendBuffer(fd);
  const int result = OrErrno(connect(fd, reinterpret_cast<struct sockaddr*>(&to), length));
  if (result == 0) return HeldResult(call, fd);
  close(fd);
  return result;
}

// ssize_t send(int sockfd, const void *buf, size_t len, MSG_DONTWAIT | MSG_NOSIGNAL)
// The first `size` bytes of the buffer, as an entry: a datagram, or a memory file when they are too
// many for one. -EBADF when the number no longer belongs to the socket, because other code has
// closed it: the entry could otherwise get into a file or to a client.
int SendEntry(Call& call) {
  const int fd = call.Int(0);
  const auto* bytes = static_cast<const char*>(call.Data(1));
  const size_t size = call.Int(2) < 0 ? 0 : call.Int(2);
  if (size == 0 || size > call.Length(1)) return -EINVAL;
  if (!IsHeld(call.Env(), fd)) return -EBADF;
  const int result = OrErrno(send(fd, bytes, size, kSendFlags));
  if (result != -EMSGSIZE && result != -ENOBUFS) return result;
  return SendSealed(fd, nullptr, bytes, size, kSendFlags);
}

// int poll(struct pollfd *fds, 1, int timeout)
// Waits until there is room for an entry: 1, or 0 when there is none after `timeout` milliseconds.
int WaitForRoom(Call& call) {
  if (!IsHeld(call.Env(), call.Int(0))) return -EBADF;
  struct pollfd poller = {call.Int(0), POLLOUT, 0};
  return OrErrno(poll(&poller, 1, call.Int(1)));
}

constexpr Function kFunctions[] = {
    {"journal_open", {kAddr}, OpenJournal},
    {"journal_send", {kFd, kEntry, kSize}, SendEntry},
    {"journal_wait", {kFd, kTimeout}, WaitForRoom},
};

}  // namespace

void ExportJournal(Napi::Object exports) {
  Export(exports, kFunctions);
}

}  // namespace libsystemd
