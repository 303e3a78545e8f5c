// The built-in functions that send to the service manager.
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstddef>
#include <cstdlib>
#include <cstring>

#include "builtin-environment.h"
#include "builtin.h"
#include "system.h"

// After sys/socket.h, which the kernel headers of some distributions do not include themselves.
#include <linux/vm_sockets.h>

namespace libsystemd {
namespace builtin {
namespace {

// --- Notifications ---

// The address in NOTIFY_SOCKET.
struct Receiver {
  union {
    struct sockaddr any;
    struct sockaddr_un unix_path;
    struct sockaddr_vm vm;
  };
  socklen_t length;
  int type;  // 0: the first that the kernel has of SOCK_DGRAM, SOCK_SEQPACKET, SOCK_STREAM.
};

int ReadUnixAddress(const char* text, Receiver* to) {
  const size_t length = strlen(text);
  if (length < 2) return -EINVAL;
  if (length >= sizeof(to->unix_path.sun_path)) return *text == '/' ? -ENAMETOOLONG : -EINVAL;
  to->unix_path.sun_family = AF_UNIX;
  memcpy(to->unix_path.sun_path, text, length + 1);
  to->length = offsetof(struct sockaddr_un, sun_path) + length;
  to->type = SOCK_DGRAM;
  if (*text == '@') {
    to->unix_path.sun_path[0] = '\0';
  } else {
    to->length++;  // The NUL at the end of a path.
  }
  return 0;
}

// The text after `prefix`; nullptr when the text begins otherwise.
const char* After(const char* text, const char* prefix) {
  const size_t length = strlen(prefix);
  return strncmp(text, prefix, length) == 0 ? text + length : nullptr;
}

// CID:PORT of vsock(7). Neither may be VMADDR_CID_ANY or VMADDR_PORT_ANY.
int ReadVsockAddress(const char* text, Receiver* to) {
  const char* colon = strchr(text, ':');
  if (!colon) return -EINVAL;
  uint64_t cid = VMADDR_CID_ANY, port = 0;
  int result = ReadUnsigned(colon + 1, '\0', UINT_MAX, &port);
  if (result == 0 && port == VMADDR_PORT_ANY) result = -EINVAL;
  // An empty CID and -1 are VMADDR_CID_ANY.
  if (result == 0 && text != colon && !After(text, "-1:")) {
    result = ReadUnsigned(text, ':', UINT_MAX, &cid);
  }
  if (result < 0) return result;
  if (cid == VMADDR_CID_ANY) return -EINVAL;
  to->vm.svm_family = AF_VSOCK;
  to->vm.svm_cid = cid;
  to->vm.svm_port = port;
  to->length = sizeof(to->vm);
  return 0;
}

int ReadReceiver(const char* text, Receiver* to) {
  if (*text == '/' || *text == '@') return ReadUnixAddress(text, to);
  const char* rest = After(text, "vsock");
  if (!rest) return -EPROTO;
  constexpr struct {
    char prefix[12];
    int type;
  } kTypes[] = {
      {":", 0},
      {"-stream:", SOCK_STREAM},
      {"-dgram:", SOCK_DGRAM},
      {"-seqpacket:", SOCK_SEQPACKET},
  };
  for (const auto& [prefix, type] : kTypes) {
    to->type = type;
    if (const char* address = After(rest, prefix)) return ReadVsockAddress(address, to);
  }
  return -EPROTO;
}

int OpenSocket(const Receiver& to, int type) {
  return OrErrno(socket(to.any.sa_family, type | SOCK_CLOEXEC, 0));
}

// True for an error that means: the kernel has no such sockets.
bool IsUnsupported(int error) {
  switch (-error) {
    case EOPNOTSUPP:
    case ENOTTY:
    case ENOSYS:
    case EAFNOSUPPORT:
    case EPFNOSUPPORT:
    case EPROTONOSUPPORT:
    case ESOCKTNOSUPPORT:
    case ENOPROTOOPT:
      return true;
    default:
      return false;
  }
}

// Binds to a port that only a privileged process may use, so that the receiver can tell it from
// others. A process without the privilege sends from any port.
int BindPrivileged(int fd) {
  struct sockaddr_vm from = {};
  from.svm_family = AF_VSOCK;
  from.svm_cid = VMADDR_CID_ANY;
  int result = 0;
  for (from.svm_port = 1023; from.svm_port > 0; from.svm_port--) {
    const auto* name = reinterpret_cast<const struct sockaddr*>(&from);
    result = OrErrno(bind(fd, name, sizeof(from)));
    if (result != -EADDRINUSE) break;
  }
  return result == -EACCES || result == -EPERM ? 0 : result;
}

// The socket for vsock(7), connected unless it is for datagrams.
int PrepareVsock(int fd, const Receiver& to) {
  if (const int result = BindPrivileged(fd); result < 0) return result;
  return to.type == SOCK_DGRAM ? 0 : OrErrno(connect(fd, &to.any, to.length));
}

// A socket from which a message reaches the receiver, or -errno. Sets a type that is 0.
int OpenSender(Receiver* to) {
  constexpr int kTypes[] = {SOCK_DGRAM, SOCK_SEQPACKET, SOCK_STREAM};
  const bool is_any = to->type == 0;
  int fd = -1;
  for (const int type : kTypes) {
    if (is_any) to->type = type;
    fd = OpenSocket(*to, to->type);
    // Without a driver for datagrams the kernel's error is another one.
    const bool has_no_driver = type == SOCK_DGRAM && fd == -ENODEV;
    if (!is_any || !(IsUnsupported(fd) || has_no_driver)) break;
  }
  if (fd < 0) return fd;
  const int result = to->any.sa_family == AF_VSOCK ? PrepareVsock(fd, *to) : 0;
  if (result < 0) {
    close(fd);
    return result;
  }
  EnlargeSendBuffer(fd);
  return fd;
}

void WriteControl(struct cmsghdr* header, int type, const void* data, size_t size) {
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = type;
  header->cmsg_len = CMSG_LEN(size);
  if (size > 0) memcpy(CMSG_DATA(header), data, size);
}

// The state with descriptors and, when the kernel would attach others, the credentials.
struct Message {
  struct iovec text;
  struct msghdr header = {};
  size_t credentials = 0;  // The size of the credentials, which are the end of the control data.
  alignas(struct cmsghdr) char control[CMSG_SPACE(kMostFds * sizeof(int)) +
                                       CMSG_SPACE(sizeof(struct ucred))] = {};

  Message(pid_t pid, const char* state, const int* fds, unsigned n_fds)
      : text{const_cast<char*>(state), strlen(state)} {
    header.msg_iov = &text;
    header.msg_iovlen = 1;
    header.msg_control = control;
    const size_t size = n_fds * sizeof(int);
    if (n_fds > 0) Add(SCM_RIGHTS, fds, size);
    const bool is_other = pid != 0 && pid != getpid();
    if (!is_other && getuid() == geteuid() && getgid() == getegid()) return;
    const struct ucred own = {pid != 0 ? pid : getpid(), getuid(), getgid()};
    Add(SCM_CREDENTIALS, &own, sizeof(own));
    credentials = CMSG_SPACE(sizeof(own));
  }

  void Add(int type, const void* data, size_t size) {
    WriteControl(reinterpret_cast<struct cmsghdr*>(control + header.msg_controllen), type, data,
                 size);
    header.msg_controllen += CMSG_SPACE(size);
  }
};

// sendmsg(2). After a failure with credentials again without them, because only a privileged
// process may attach another's, and the kernel then attaches this process's own.
ssize_t SendOnce(int fd, Message* message) {
  const ssize_t sent = sendmsg(fd, &message->header, MSG_NOSIGNAL);
  if (sent >= 0 || message->credentials == 0) return sent;
  message->header.msg_controllen -= message->credentials;
  message->credentials = 0;
  // libsystemd sends an empty state once, and ignores the failure.
  if (message->text.iov_len == 0) return 0;
  return sendmsg(fd, &message->header, MSG_NOSIGNAL);
}

// Sends the message: of a stream all parts. 0 or -errno.
int SendAll(int fd, int type, Message* message) {
  struct iovec* const text = &message->text;
  for (;;) {
    const ssize_t sent = SendOnce(fd, message);
    if (sent < 0) return -errno;
    const auto done = static_cast<size_t>(sent);
    if (done >= text->iov_len) return 0;
    if (type != SOCK_STREAM) return -EIO;
    text->iov_base = static_cast<char*>(text->iov_base) + done;
    text->iov_len -= done;
    // Descriptors and credentials have been sent with the first part.
    message->header.msg_controllen = message->credentials = 0;
  }
}

// Waits until the receiver has closed its end, because otherwise the end of a virtual machine could
// discard the message.
int AwaitClose(int fd) {
  if (shutdown(fd, SHUT_WR) < 0) return -errno;
  char byte = 0;
  const ssize_t size = recv(fd, &byte, sizeof(byte), MSG_NOSIGNAL);
  return size < 0 ? -errno : size > 0 ? -EPROTO : 0;
}

int NotifyWithFds(pid_t pid, const char* state, const int* fds, unsigned n_fds) {
  if (!state || (n_fds > 0 && !fds)) return -EINVAL;
  if (n_fds > kMostFds) return -E2BIG;
  const char* text = getenv("NOTIFY_SOCKET");
  if (!text) return 0;
  Receiver to = {};
  if (const int result = ReadReceiver(text, &to); result < 0) return result;
  const int fd = OpenSender(&to);
  if (fd < 0) return fd;
  Message message(pid, state, fds, n_fds);
  if (to.type == SOCK_DGRAM) {
    message.header.msg_name = &to.any;
    message.header.msg_namelen = to.length;
  }
  int result = SendAll(fd, to.type, &message);
  if (result == 0 && to.type != SOCK_DGRAM) result = AwaitClose(fd);
  close(fd);
  return result < 0 ? result : 1;
}

constexpr char kNotifyVariables[] = "NOTIFY_SOCKET\0";

// Waits until the write end of a pipe is closed everywhere: 1, or -errno.
int AwaitHangUp(int fd, uint64_t timeout) {
  constexpr uint64_t kSecond = 1'000'000;
  // The system call and its struct, because on 32-bit processors musl has another struct timespec.
  constexpr uint64_t kLongest = LONG_MAX;
  const uint64_t seconds = timeout / kSecond;
  long limit[] = {static_cast<long>(seconds < kLongest ? seconds : kLongest),
                  static_cast<long>(timeout % kSecond * 1000)};
  struct pollfd poller = {fd, 0, 0};
  const int ready = OrErrno(
      syscall(SYS_ppoll, &poller, 1, timeout == UINT64_MAX ? nullptr : limit, nullptr, size_t{0}));
  return ready == 0 ? -ETIMEDOUT : ready < 0 ? ready : 1;
}

int Barrier(pid_t pid, uint64_t timeout) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) < 0) return -errno;
  int result = NotifyWithFds(pid, "BARRIER=1", &ends[1], 1);
  close(ends[1]);
  if (result > 0) result = AwaitHangUp(ends[0], timeout);
  close(ends[0]);
  return result;
}

}  // namespace

int sd_pid_notify_with_fds(pid_t pid, int unset_environment, const char* state, const int* fds,
                           unsigned n_fds) {
  const Unset unset = {unset_environment != 0, kNotifyVariables};
  return NotifyWithFds(pid, state, fds, n_fds);
}

int sd_pid_notify(pid_t pid, int unset_environment, const char* state) {
  return sd_pid_notify_with_fds(pid, unset_environment, state, nullptr, 0);
}

int sd_notify(int unset_environment, const char* state) {
  return sd_pid_notify(0, unset_environment, state);
}

int sd_pid_notify_barrier(pid_t pid, int unset_environment, uint64_t timeout) {
  const Unset unset = {unset_environment != 0, kNotifyVariables};
  return Barrier(pid, timeout);
}

int sd_notify_barrier(int unset_environment, uint64_t timeout) {
  return sd_pid_notify_barrier(0, unset_environment, timeout);
}

}  // namespace builtin
}  // namespace libsystemd
