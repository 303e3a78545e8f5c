// System calls on sockets that Node has no function for. Each returns the system's answer, or
// -errno as libsystemd does.
#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>

#include <cstring>

#include "addon.h"
#include "convert.h"
#include "system.h"

namespace libsystemd {
namespace {

// getsockname and getpeername differ in nothing but their name. The result is the address's whole
// length, which is more than the buffer's where the address was cut.
template <int (*call)(int, struct sockaddr*, socklen_t*)>
Napi::Value SocketName(const Napi::CallbackInfo& info) {
  const int fd = ToFd(info[0]);
  Napi::Uint8Array buffer = ToBuffer(info[1], "address");
  socklen_t length = buffer.ByteLength();
  if (call(fd, reinterpret_cast<struct sockaddr*>(buffer.Data()), &length) < 0) {
    return Result(info, -errno);
  }
  return Result(info, static_cast<int>(length));
}

// int getsockname(int sockfd, struct sockaddr *addr, socklen_t *addrlen)
int GetSockName(int fd, struct sockaddr* address, socklen_t* length) {
  return getsockname(fd, address, length);
}

// int getpeername(int sockfd, struct sockaddr *addr, socklen_t *addrlen)
int GetPeerName(int fd, struct sockaddr* address, socklen_t* length) {
  return getpeername(fd, address, length);
}

// int getsockopt(int sockfd, int level, int optname, void *optval, socklen_t *optlen), for the
// options whose value is a non-negative int
Napi::Value GetSockOpt(const Napi::CallbackInfo& info) {
  const int fd = ToFd(info[0]);
  const int level = ToInteger(info[1], "level");
  const int name = ToInteger(info[2], "optname");
  int value = 0;
  socklen_t length = sizeof(value);
  const int result = getsockopt(fd, level, name, &value, &length);
  return Result(info, result < 0 ? -errno : value);
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
  const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return -errno;
  struct pollfd poller = {fd, POLLOUT, 0};
  const auto* to = reinterpret_cast<const struct sockaddr*>(address.data());
  const int connected = OrErrno(connect(fd, to, address.size()));
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
                      {"getsockname", SocketName<GetSockName>},
                      {"getpeername", SocketName<GetPeerName>},
                      {"getsockopt", GetSockOpt},
                      {"listen", Listen},
                      {"inet_pton", InetPton},
                      {"inet_ntop", InetNtop},
                      {"datagram_room", DatagramRoom},
                  });
}

}  // namespace libsystemd
