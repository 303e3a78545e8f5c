// The built-in functions that tell the kind of a descriptor.
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstddef>
#include <cstring>

#include "builtin.h"
#include "system.h"

namespace libsystemd {
namespace builtin {
namespace {

// --- Files ---

// stat(2) by the system call, as Stat() of system.h.
int StatPath(const char* path, struct statx* status) {
  constexpr unsigned kMask = STATX_TYPE | STATX_INO;
  return OrErrno(syscall(SYS_statx, AT_FDCWD, path, 0, kMask, status));
}

bool IsSameInode(const struct statx& a, const struct statx& b) {
  return a.stx_dev_major == b.stx_dev_major && a.stx_dev_minor == b.stx_dev_minor &&
         a.stx_ino == b.stx_ino;
}

bool IsSameDevice(const struct statx& a, const struct statx& b) {
  return a.stx_rdev_major == b.stx_rdev_major && a.stx_rdev_minor == b.stx_rdev_minor;
}

// 1 when `fd` is a file of this type, and of this device or inode if a path is given. 0 for
// anything else, also when nothing is at the path. Or -errno.
int IsFile(int fd, const char* path, int type) {
  if (fd < 0) return -EBADF;
  struct statx file = {}, at_path = {};
  if (const int result = Stat(fd, &file); result < 0) return result;
  if ((file.stx_mode & S_IFMT) != type) return 0;
  if (!path) return 1;
  const int result = StatPath(path, &at_path);
  if (result == -ENOENT || result == -ENOTDIR) return 0;
  if (result < 0) return result;
  if ((at_path.stx_mode & S_IFMT) != type) return 0;
  return type == S_IFCHR ? IsSameDevice(file, at_path) : IsSameInode(file, at_path);
}

// --- Sockets ---

// The address of a socket. A Unix address may be longer than its struct: the kernel adds a NUL to a
// path of full length.
struct Name {
  union {
    struct sockaddr any;
    struct sockaddr_in inet;
    struct sockaddr_in6 inet6;
    struct sockaddr_un unix_path;
    char bytes[sizeof(struct sockaddr_un) + 1];
  };
  socklen_t length = sizeof(bytes);
};

int ReadName(int fd, Name* name) {
  const int result = OrErrno(getsockname(fd, &name->any, &name->length));
  return result == 0 && name->length < sizeof(sa_family_t) ? -EINVAL : result;
}

// The value of a socket's option, or -errno. No value is negative.
int ReadOption(int fd, int option) {
  int value = 0;
  socklen_t length = sizeof(value);
  const int result = OrErrno(getsockopt(fd, SOL_SOCKET, option, &value, &length));
  return result < 0 ? result : value;
}

// 1 for a socket of this type and state, 0 for anything else, or -errno.
int IsSocket(int fd, int type, int listening) {
  if (fd < 0) return -EBADF;
  if (type < 0) return -EINVAL;
  struct statx status = {};
  if (const int result = Stat(fd, &status); result < 0) return result;
  if (!S_ISSOCK(status.stx_mode)) return 0;
  if (type != 0) {
    const int value = ReadOption(fd, SO_TYPE);
    if (value < 0 || value != type) return value < 0 ? value : 0;
  }
  if (listening < 0) return 1;
  const int value = ReadOption(fd, SO_ACCEPTCONN);
  return value < 0 ? value : (value > 0) == (listening > 0);
}

// Like IsSocket(), with the address of the socket.
int IsSocketWithName(int fd, int type, int listening, Name* name) {
  const int result = IsSocket(fd, type, listening);
  if (result <= 0) return result;
  const int read = ReadName(fd, name);
  return read < 0 ? read : 1;
}

constexpr size_t kPathOffset = offsetof(struct sockaddr_un, sun_path);

bool IsSamePath(const Name& name, const char* path, size_t length) {
  if (length == 0) length = strlen(path);
  if (length == 0) return name.length == kPathOffset;  // An unnamed socket.
  const char* own = name.bytes + kPathOffset;
  // A path ends with its NUL, and an abstract name at its length.
  if (*path) {
    return name.length >= kPathOffset + length + 1 && memcmp(path, own, length + 1) == 0;
  }
  return name.length == kPathOffset + length && memcmp(path, own, length) == 0;
}

}  // namespace

int sd_is_fifo(int fd, const char* path) {
  return IsFile(fd, path, S_IFIFO);
}

int sd_is_special(int fd, const char* path) {
  const int result = IsFile(fd, path, S_IFREG);
  return result == 0 ? IsFile(fd, path, S_IFCHR) : result;
}

int sd_is_socket(int fd, int family, int type, int listening) {
  if (fd < 0) return -EBADF;
  if (family < 0) return -EINVAL;
  const int result = IsSocket(fd, type, listening);
  if (result <= 0 || family == AF_UNSPEC) return result;
  Name name;
  const int read = ReadName(fd, &name);
  return read < 0 ? read : name.any.sa_family == family;
}

int sd_is_socket_inet(int fd, int family, int type, int listening, uint16_t port) {
  if (fd < 0) return -EBADF;
  if (family != AF_UNSPEC && family != AF_INET && family != AF_INET6) return -EINVAL;
  Name name;
  const int result = IsSocketWithName(fd, type, listening, &name);
  if (result <= 0) return result;
  const int own = name.any.sa_family;
  if (own != AF_INET && own != AF_INET6) return 0;
  if (family != AF_UNSPEC && own != family) return 0;
  // The port is at the same place in the addresses of both families.
  return port == 0 || name.inet.sin_port == htons(port);
}

int sd_is_socket_sockaddr(int fd, int type, const struct sockaddr* addr, unsigned addr_len,
                          int listening) {
  if (fd < 0) return -EBADF;
  if (!addr) return -EINVAL;
  if (addr_len < sizeof(sa_family_t)) return -ENOBUFS;
  sa_family_t family;
  memcpy(&family, addr, sizeof(family));
  if (family != AF_INET && family != AF_INET6) return -EPFNOSUPPORT;
  Name name;
  const int result = IsSocketWithName(fd, type, listening, &name);
  if (result <= 0) return result;
  if (name.any.sa_family != family) return 0;
  Name other;
  const size_t size = family == AF_INET ? sizeof(other.inet) : sizeof(other.inet6);
  if (addr_len < size) return -EINVAL;
  memcpy(other.bytes, addr, size);
  const in_port_t port = other.inet.sin_port;
  if (port != 0 && port != name.inet.sin_port) return 0;
  if (family == AF_INET) return other.inet.sin_addr.s_addr == name.inet.sin_addr.s_addr;
  const auto &own = name.inet6, &wanted = other.inet6;
  if (wanted.sin6_flowinfo != 0 && wanted.sin6_flowinfo != own.sin6_flowinfo) return 0;
  if (wanted.sin6_scope_id != 0 && wanted.sin6_scope_id != own.sin6_scope_id) return 0;
  return memcmp(&wanted.sin6_addr, &own.sin6_addr, sizeof(own.sin6_addr)) == 0;
}

int sd_is_socket_unix(int fd, int type, int listening, const char* path, size_t length) {
  Name name;
  const int result = IsSocketWithName(fd, type, listening, &name);
  if (result <= 0) return result;
  if (name.any.sa_family != AF_UNIX) return 0;
  return !path || IsSamePath(name, path, length);
}

int sd_is_mq(int fd, const char* path) {
  if (const int result = Fcntl(fd, F_GETFD, 0); result < 0) return result;
  // The system call, because before glibc 2.34 mq_getattr(3) is in a separate library.
  if (syscall(SYS_mq_getsetattr, fd, nullptr, nullptr) < 0) return errno == EBADF ? 0 : -errno;
  if (!path) return 1;
  constexpr char kFolder[] = "/dev/mqueue";
  constexpr size_t kLength = sizeof(kFolder) - 1;
  char file[kLength + PATH_MAX];
  const size_t length = strlen(path);
  if (*path != '/') return -EINVAL;
  if (length >= PATH_MAX - kLength) return -ENAMETOOLONG;
  memcpy(file, kFolder, kLength);
  memcpy(file + kLength, path, length + 1);
  struct statx queue = {}, at_path = {};
  if (const int result = Stat(fd, &queue); result < 0) return result;
  if (const int result = StatPath(file, &at_path); result < 0) return result;
  return IsSameInode(queue, at_path);
}

}  // namespace builtin
}  // namespace libsystemd
