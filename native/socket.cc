// System calls on sockets, which Node has no function for. Each returns the result of the system
// call, or -errno.
#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <atomic>
#include <cstdint>
#include <cstring>

#include "addon.h"
#include "system.h"

// The kernel headers of some distributions lack this.
#ifndef SO_PEERGROUPS
#define SO_PEERGROUPS 59
#endif

namespace libsystemd {
namespace {

// The result of a call that writes into the caller's buffer: -errno, or the length of the whole
// value. The length is greater than the buffer's when the buffer is too small.
int LengthOr(int result, socklen_t length) {
  return result < 0 && result != -ERANGE ? result : static_cast<int>(length);
}

// int getsockname(int sockfd, struct sockaddr *addr, socklen_t *addrlen)
int GetSockName(Call& call) {
  socklen_t length = call.IntLength(1);
  const int result =
      OrErrno(getsockname(call.Int(0), static_cast<struct sockaddr*>(call.Data(1)), &length));
  return LengthOr(result, length);
}

// int getsockopt(int sockfd, SOL_SOCKET, SO_PEERCRED, struct ucred *peer, socklen_t *optlen)
// int getsockopt(int sockfd, SOL_SOCKET, SO_PEERGROUPS, gid_t groups[], socklen_t *optlen)
// When not all groups fit, the kernel writes none, and returns the number of bytes that they need.
template <int option>
int GetPeer(Call& call) {
  socklen_t length = call.IntLength(1);
  const int result = OrErrno(getsockopt(call.Int(0), SOL_SOCKET, option, call.Data(1), &length));
  return LengthOr(result, length);
}

// int getsockopt(int sockfd, int level, int optname, void *optval, socklen_t *optlen)
// For options whose value is an int of 0 or more. A negative value returns -EOVERFLOW, because the
// caller would take the value for an errno.
int GetSockOpt(Call& call) {
  int value = 0;
  socklen_t length = sizeof(value);
  const int result = OrErrno(getsockopt(call.Int(0), call.Int(1), call.Int(2), &value, &length));
  if (result < 0) return result;
  return value < 0 ? -EOVERFLOW : value;
}

// int listen(int sockfd, int backlog)
int Listen(Call& call) {
  return OrErrno(listen(call.Int(0), call.Int(1)));
}

size_t AddressSize(int family) {
  return family == AF_INET ? sizeof(struct in_addr) : sizeof(struct in6_addr);
}

// int inet_pton(int af, const char *src, void *dst)
int InetPton(Call& call) {
  const size_t size = AddressSize(call.Int(0));
  struct in6_addr address;
  const int result = OrErrno(inet_pton(call.Int(0), call.Text(1), &address));
  if (result != 1) return result;
  if (call.Length(2) < size) return -ENOSPC;
  memcpy(call.Data(2), &address, size);
  return result;
}

// const char *inet_ntop(int af, const void *src, char *dst, socklen_t size)
// Returns 0 and the text, or -errno.
int InetNtop(Call& call) {
  char text[INET6_ADDRSTRLEN] = "";
  int result = 0;
  if (call.Length(1) < AddressSize(call.Int(0))) {
    result = -EINVAL;
  } else if (!inet_ntop(call.Int(0), call.Data(1), text, sizeof(text))) {
    result = -errno;
  }
  call.OutText(text);
  return result;
}

// Copies a Unix address, so that every byte of the struct is set. False for a length that the
// kernel would refuse too.
bool CopyAddress(const Call& call, struct sockaddr_un* to) {
  const size_t length = call.Length(0);
  if (length <= sizeof(to->sun_family) || length > sizeof(*to)) return false;
  *to = {};
  memcpy(to, call.Data(0), length);
  return true;
}

// 1 when the receiver at this Unix address would take a datagram at once, 0 when its queue is full,
// -errno when there is no receiver. The kernel (unix_dgram_poll()) answers that for a connected
// socket only. Each call connects a new socket, because an older one may be connected to a receiver
// that no longer has the address.
int DatagramRoom(Call& call) {
  struct sockaddr_un to;
  if (!CopyAddress(call, &to)) return -EINVAL;
  const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return -errno;
  struct pollfd poller = {fd, POLLOUT, 0};
  const auto* name = reinterpret_cast<const struct sockaddr*>(&to);
  const int connected = OrErrno(connect(fd, name, call.Length(0)));
  const int ready = connected < 0 ? connected : OrErrno(poll(&poller, 1, 0));
  close(fd);
  return ready;
}

// The socket that the process keeps to send notifications from, because to make a socket takes
// longer than to send a message. The socket is not connected, so each message reaches the receiver
// that has the address at that moment. Other code in the process may close the socket, and another
// file may then get its number. So the number of the socket's inode is compared before each send.
// The lock is for the making only: a thread that reads `fd` and `inode` of two different sockets
// finds that they do not fit, and then takes the lock.
struct {
  pthread_mutex_t lock;
  std::atomic<int> fd;
  std::atomic<uint64_t> inode;
} sender = {PTHREAD_MUTEX_INITIALIZER, {-1}, {0}};

// The number of the inode of a socket; 0 for any other file, and where statx(2) is not allowed.
uint64_t SocketInode(int fd) {
  struct statx status = {};
  return Stat(fd, &status) == 0 && S_ISSOCK(status.stx_mode) ? status.stx_ino : 0;
}

// True for the kept socket: no other open file has its inode.
bool IsSender(int fd) {
  const uint64_t inode = sender.inode;
  return inode != 0 && SocketInode(fd) == inode;
}

// Opens a socket above the standard streams, because other code writes to their numbers although
// they are closed.
int OpenSender() {
  const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return -errno;
  EnlargeSendBuffer(fd);
  if (fd > STDERR_FILENO) return fd;
  const int above = Fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
  close(fd);
  return above;
}

int MakeSender(bool* is_kept) {
  pthread_mutex_lock(&sender.lock);
  int fd = sender.fd;  // Another thread may have made one meanwhile.
  if (!IsSender(fd)) {
    fd = OpenSender();
    sender.inode = fd < 0 ? 0 : SocketInode(fd);
    sender.fd = fd;
  }
  *is_kept = sender.inode != 0;
  pthread_mutex_unlock(&sender.lock);
  return fd;
}

// The socket to send from, or -errno. `is_kept` is false when its inode is unknown: then nobody
// could find out later whether the number is still the socket's, and the caller closes it.
int Sender(bool* is_kept) {
  const int fd = sender.fd;
  *is_kept = IsSender(fd);
  return *is_kept ? fd : MakeSender(is_kept);
}

// Node unloads the add-on when the last of the threads that have loaded it ends, and the next
// thread that loads it would make another socket.
[[gnu::destructor]] void CloseSender() {
  if (IsSender(sender.fd)) close(sender.fd);
}

// The functions below send one datagram, the text of the second argument, to the Unix address of
// the first, as sd_pid_notify_with_fds(3) does, with two differences. The address is an argument,
// because getenv(3) is not safe while another thread writes to the environment. And no call waits:
// each returns -EAGAIN when the receiver's queue is full.
constexpr int kSendFlags = MSG_DONTWAIT | MSG_NOSIGNAL;

// Calls `send` with the socket to send from.
template <typename Send>
int SendFromSender(Send send) {
  bool is_kept = false;
  const int fd = Sender(&is_kept);
  if (fd < 0) return fd;
  const int sent = OrErrno(send(fd));
  if (!is_kept) close(fd);
  return sent;
}

// ssize_t sendto(int sockfd, const void *buf, size_t len, MSG_DONTWAIT | MSG_NOSIGNAL,
//                const struct sockaddr *dest_addr, socklen_t addrlen)
// Without descriptors, as most messages are: sendmsg(2) takes longer.
int SendText(Call& call) {
  struct sockaddr_un to;
  if (!CopyAddress(call, &to)) return -EINVAL;
  return SendFromSender([&](int fd) {
    return sendto(fd, call.Data(1), strlen(call.Text(1)), kSendFlags,
                  reinterpret_cast<struct sockaddr*>(&to), call.Length(0));
  });
}

// ssize_t sendmsg(int sockfd, const struct msghdr *msg, MSG_DONTWAIT | MSG_NOSIGNAL)
int SendDatagram(Call& call) {
  struct sockaddr_un to;
  const size_t fds = call.Length(2);
  if (!CopyAddress(call, &to) || fds > kMostFds) return -EINVAL;
  struct iovec text = {call.Data(1), strlen(call.Text(1))};
  alignas(struct cmsghdr) char control[CMSG_SPACE(kMostFds * sizeof(int))] = {};
  struct msghdr message = {};
  message.msg_name = &to;
  message.msg_namelen = call.Length(0);
  message.msg_iov = &text;
  message.msg_iovlen = 1;
  if (fds > 0) {
    message.msg_control = control;
    message.msg_controllen = CMSG_SPACE(fds * sizeof(int));
    struct cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(fds * sizeof(int));
    memcpy(CMSG_DATA(header), call.Ints(2), fds * sizeof(int));
  }
  return SendFromSender([&](int fd) { return sendmsg(fd, &message, kSendFlags); });
}

constexpr Function kFunctions[] = {
    {"getsockname", {kFd, kBuffer}, GetSockName},
    {"getsockopt", {kFd, kLevel, kOptname}, GetSockOpt},
    {"peer_credentials", {kFd, kBuffer}, GetPeer<SO_PEERCRED>},
    {"peer_groups", {kFd, kBuffer}, GetPeer<SO_PEERGROUPS>},
    {"listen", {kFd, kBacklog}, Listen},
    {"inet_pton", {kAf, kSrc, kDst}, InetPton},
    {"inet_ntop", {kAf, kSrcBytes}, InetNtop},
    {"datagram_room", {kAddress}, DatagramRoom},
    {"send_text", {kReceiver, kState}, SendText},
    {"send_datagram", {kAddress, kState, kFds}, SendDatagram},
};

}  // namespace

void ExportSocket(Napi::Object exports) {
  Export(exports, kFunctions);
}

}  // namespace libsystemd
