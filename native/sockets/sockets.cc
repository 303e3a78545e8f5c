// System calls that make the descriptors of a socket unit, for those kinds that Node can't open.
// Each descriptor is close-on-exec. Each function returns the result of the system call, or -errno.
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "../held-fds.h"
#include "../system.h"
#include "addon.h"
#include "address.h"

namespace libsystemd {
namespace {

// int socket(int domain, int type, int protocol)
int Socket(Call& call) {
  return HeldResult(call, OrErrno(socket(call.Int(0), call.Int(1) | SOCK_CLOEXEC, call.Int(2))));
}

// int bind(int sockfd, const struct sockaddr *addr, socklen_t addrlen)
int Bind(Call& call) {
  Address address(call, 1);
  return address.Fits() ? OrErrno(bind(call.Int(0), address.Get(), address.Length())) : -EINVAL;
}

// int setsockopt(int sockfd, int level, int optname, const void *optval, socklen_t optlen)
int SetSockOpt(Call& call) {
  return OrErrno(
      setsockopt(call.Int(0), call.Int(1), call.Int(2), call.Data(3), call.IntLength(3)));
}

// int getsockopt(int sockfd, int level, int optname, void *optval, socklen_t *optlen)
// Writes into the bytes, and returns how many it has written.
int GetSockOpt(Call& call) {
  socklen_t length = call.IntLength(3);
  const int result = getsockopt(call.Int(0), call.Int(1), call.Int(2), call.Data(3), &length);
  return result < 0 ? -errno : static_cast<int>(length);
}

// int accept4(int sockfd, NULL, NULL, SOCK_CLOEXEC)
// Does not wait: without a connection it returns -EAGAIN, also for a socket that would block.
int Accept(Call& call) {
  struct pollfd poller = {call.Int(0), POLLIN, 0};
  const int ready = OrErrno(poll(&poller, 1, 0));
  if (ready < 0) return ready;
  if (poller.revents == 0) return -EAGAIN;
  return HeldResult(call, OrErrno(accept4(call.Int(0), nullptr, nullptr, SOCK_CLOEXEC)));
}

// int open(const char *pathname, int flags)
// Makes no file. Node's fs.openSync() is no help, because in Deno its result is no descriptor.
int Open(Call& call) {
  if (call.Int(1) & (O_CREAT | O_TMPFILE)) return -EINVAL;
  return HeldResult(call, OrErrno(open(call.Text(0), call.Int(1) | O_CLOEXEC | O_NOCTTY)));
}

// int mkfifo(const char *pathname, mode_t mode)
int MakeFifo(Call& call) {
  return OrErrno(mkfifo(call.Text(0), call.Int(1)));
}

// mqd_t mq_open(const char *name, int oflag, mode_t mode, struct mq_attr *attr)
// The name goes without the slash that mq_open(3) takes away. The system call, because before glibc
// 2.34 mq_open(3) is in a separate library. Without both numbers the kernel's
// defaults hold.
int OpenQueue(Call& call) {
  long attributes[8] = {0, call.Int(3), call.Int(4)};  // struct mq_attr: flags, maxmsg, msgsize
  const bool is_given = attributes[1] > 0 && attributes[2] > 0;
  return HeldResult(call, OrErrno(syscall(SYS_mq_open, call.Text(0), call.Int(1) | O_CLOEXEC,
                                          call.Int(2), is_given ? attributes : nullptr)));
}

// int mq_unlink(const char *name)
int UnlinkQueue(Call& call) {
  return OrErrno(syscall(SYS_mq_unlink, call.Text(0)));
}

constexpr Function kFunctions[] = {
    {"socket", {kFamily, kType, kProtocol}, Socket},
    {"bind", {kFd, kAddr}, Bind},
    {"setsockopt", {kFd, kLevel, kOptname, kOptval}, SetSockOpt},
    {"getsockopt", {kFd, kLevel, kOptname, kOptvalRoom}, GetSockOpt},
    {"accept", {kFd}, Accept},
    {"open", {kPath, kFlags}, Open},
    {"mkfifo", {kPath, kMode}, MakeFifo},
    {"mq_open", {kName, kFlags, kMode, kMostMessages, kMessageSize}, OpenQueue},
    {"mq_unlink", {kName}, UnlinkQueue},
};

}  // namespace

void ExportSockets(Napi::Object exports) {
  Export(exports, kFunctions);
}

}  // namespace libsystemd
