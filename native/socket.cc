// System calls on sockets that Node has no function for. Each returns the system's answer, or
// -errno as libsystemd does.
#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstring>

#include "addon.h"
#include "convert.h"
#include "system.h"

// Newer than the kernel headers of some distributions the add-on is built on.
#ifndef SO_PEERGROUPS
#define SO_PEERGROUPS 59
#endif

namespace libsystemd {
namespace {

// For calls that write into bytes of the caller's. The result is the whole length, which is more
// than the buffer's where that was too small.
Napi::Value Fill(const Napi::CallbackInfo& info,
                 int (*call)(int fd, void* out, socklen_t* length)) {
  const int fd = ToFd(info[0]);
  Napi::Uint8Array buffer = ToBuffer(info[1], "buffer");
  socklen_t length = buffer.ByteLength();
  const int result = OrErrno(call(fd, buffer.Data(), &length));
  return Result(info, result < 0 && result != -ERANGE ? result : static_cast<int>(length));
}

// int getsockname(int sockfd, struct sockaddr *addr, socklen_t *addrlen)
Napi::Value GetSockName(const Napi::CallbackInfo& info) {
  return Fill(info, [](int fd, void* address, socklen_t* length) {
    return getsockname(fd, static_cast<struct sockaddr*>(address), length);
  });
}

// int getpeername(int sockfd, struct sockaddr *addr, socklen_t *addrlen)
Napi::Value GetPeerName(const Napi::CallbackInfo& info) {
  return Fill(info, [](int fd, void* address, socklen_t* length) {
    return getpeername(fd, static_cast<struct sockaddr*>(address), length);
  });
}

// int getsockopt(int sockfd, SOL_SOCKET, SO_PEERCRED, struct ucred *peer, socklen_t *optlen)
Napi::Value PeerCredentials(const Napi::CallbackInfo& info) {
  return Fill(info, [](int fd, void* peer, socklen_t* length) {
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, peer, length);
  });
}

// int getsockopt(int sockfd, SOL_SOCKET, SO_PEERGROUPS, gid_t groups[], socklen_t *optlen)
// Where they don't all fit the kernel writes none, and says how many bytes they need.
Napi::Value PeerGroups(const Napi::CallbackInfo& info) {
  return Fill(info, [](int fd, void* groups, socklen_t* length) {
    return getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, length);
  });
}

// int getsockopt(int sockfd, int level, int optname, void *optval, socklen_t *optlen), for the
// options whose value is a non-negative int. Any other is -EOVERFLOW, as it would read as an errno.
Napi::Value GetSockOpt(const Napi::CallbackInfo& info) {
  const int fd = ToFd(info[0]);
  const int level = ToInteger(info[1], "level");
  const int name = ToInteger(info[2], "optname");
  int value = 0;
  socklen_t length = sizeof(value);
  const int result = getsockopt(fd, level, name, &value, &length);
  if (result < 0) return Result(info, -errno);
  return Result(info, value < 0 ? -EOVERFLOW : value);
}

// int listen(int sockfd, int backlog)
Napi::Value Listen(const Napi::CallbackInfo& info) {
  const int fd = ToFd(info[0]);
  const int backlog = ToInteger(info[1], "backlog");
  return Result(info, OrErrno(listen(fd, backlog)));
}

// int inet_pton(int af, const char *src, void *dst)
Napi::Value InetPton(const Napi::CallbackInfo& info) {
  const int family = ToInteger(info[0], "af");
  const std::string text = ToString(info[1], "src");
  Napi::Uint8Array out = ToBuffer(info[2], "dst");
  struct in6_addr address;
  const int result = OrErrno(inet_pton(family, text.c_str(), &address));
  const size_t size = family == AF_INET ? sizeof(struct in_addr) : sizeof(struct in6_addr);
  if (result == 1) {
    if (out.ByteLength() < size) return Result(info, -ENOSPC);
    memcpy(out.Data(), &address, size);
  }
  return Result(info, result);
}

// const char *inet_ntop(int af, const void *src, char *dst, socklen_t size)
// The text comes back after a 0.
Napi::Value InetNtop(const Napi::CallbackInfo& info) {
  const int family = ToInteger(info[0], "af");
  const std::string address = ToBytes(info[1], "src");
  const size_t size = family == AF_INET ? sizeof(struct in_addr) : sizeof(struct in6_addr);
  char text[INET6_ADDRSTRLEN] = "";
  int result = 0;
  if (address.size() < size) {
    result = -EINVAL;
  } else if (!inet_ntop(family, address.data(), text, sizeof(text))) {
    result = -errno;
  }
  return Result(info, result, {Napi::String::New(info.Env(), text)});
}

// Would a datagram to this Unix address be taken at once? 1 yes, 0 the receiver's queue is full.
// unix_dgram_poll() in the kernel answers that for a connected socket only. One made for each
// question sees whoever has the address now, where one kept could watch a receiver long gone.
int HasRoom(const std::string& address) {
  // In memory that is all set; and what the kernel refuses by its length alone is not asked for.
  struct sockaddr_un to = {};
  if (address.size() <= sizeof(to.sun_family) || address.size() > sizeof(to)) return -EINVAL;
  memcpy(&to, address.data(), address.size());
  const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return -errno;
  struct pollfd poller = {fd, POLLOUT, 0};
  const auto* name = reinterpret_cast<const struct sockaddr*>(&to);
  const int connected = OrErrno(connect(fd, name, address.size()));
  const int ready = connected < 0 ? connected : OrErrno(poll(&poller, 1, 0));
  close(fd);
  return ready;
}

Napi::Value DatagramRoom(const Napi::CallbackInfo& info) {
  return Result(info, HasRoom(ToBytes(info[0], "address")));
}

}  // namespace

void ExportSocket(Napi::Object exports) {
  Export(exports, {
                      {"getsockname", GetSockName},
                      {"getpeername", GetPeerName},
                      {"getsockopt", GetSockOpt},
                      {"peer_credentials", PeerCredentials},
                      {"peer_groups", PeerGroups},
                      {"listen", Listen},
                      {"inet_pton", InetPton},
                      {"inet_ntop", InetNtop},
                      {"datagram_room", DatagramRoom},
                  });
}

}  // namespace libsystemd
