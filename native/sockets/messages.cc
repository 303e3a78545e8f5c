// System calls that send and receive the messages of Unix datagram and seqpacket sockets. None of
// them waits, and none changes O_NONBLOCK, which an inherited descriptor shares with the manager's
// copy. Each returns the result of the system call, or -errno.
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <cstring>

#include "../held-fds.h"
#include "../system.h"
#include "addon.h"
#include "address.h"
#include "control.h"

namespace libsystemd {
namespace {

constexpr int kSendFlags = MSG_DONTWAIT | MSG_NOSIGNAL;

// int connect(int sockfd, const struct sockaddr *addr, socklen_t addrlen)
int Connect(Call& call) {
  Address address(call, 1);
  return address.Fits() ? OrErrno(connect(call.Int(0), address.Get(), address.Length())) : -EINVAL;
}

// int shutdown(int sockfd, int how)
int Shutdown(Call& call) {
  return OrErrno(shutdown(call.Int(0), call.Int(1)));
}

// ssize_t sendto(int sockfd, const void *buf, size_t len, MSG_DONTWAIT | MSG_NOSIGNAL,
//                const struct sockaddr *dest_addr, socklen_t addrlen)
int SendTo(Call& call) {
  Address to(call, 1);
  if (!to.Fits()) return -EINVAL;
  return OrErrno(
      sendto(call.Int(0), call.Data(2), call.Length(2), kSendFlags, to.Get(), to.Length()));
}

// ssize_t sendmsg(int sockfd, const struct msghdr *msg, MSG_DONTWAIT | MSG_NOSIGNAL)
// With descriptors: SCM_RIGHTS of unix(7).
int SendMessage(Call& call) {
  const size_t size = call.Length(1) * sizeof(int);
  Address to(call, 2);
  if (!to.Fits() || call.Length(1) > kMostFds) return -EINVAL;
  struct iovec data = {call.Data(3), call.Length(3)};
  alignas(struct cmsghdr) char control[CMSG_SPACE(kMostFds * sizeof(int))] = {};
  struct msghdr message = {};
  message.msg_name = to.Get();
  message.msg_namelen = to.Length();
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = CMSG_SPACE(size);
  struct cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(size);
  memcpy(CMSG_DATA(header), call.Data(1), size);
  return OrErrno(sendmsg(call.Int(0), &message, kSendFlags));
}

// A received message as JavaScript reads it: these ints, then the bytes.
struct Record {
  int32_t length;  // Of the whole message, also when fewer bytes fit.
  int32_t flags;   // MSG_TRUNC, MSG_CTRUNC.
  int32_t pid;
  int32_t uid;  // -1 without credentials.
  int32_t gid;
  int32_t address_length;
  int32_t fd_count;
  int32_t fds[kMostFds];
  char address[112];  // A struct sockaddr_un has 110 bytes.
};

// So many messages are received by one system call.
constexpr size_t kMostAtOnce = 64;

// Credentials and descriptors, and what else a socket unit may ask for: PassSecurity=,
// Timestamping=.
constexpr size_t kControlRoom = kControlSize + 512;

// The arguments of one recvmmsg(2), for records of this size.
struct Batch {
  struct mmsghdr headers[kMostAtOnce] = {};
  struct iovec parts[kMostAtOnce];
  alignas(struct cmsghdr) char control[kMostAtOnce][kControlRoom];

  Batch(char* records, size_t count, size_t size) {
    for (size_t i = 0; i < count; i++) {
      char* record = records + i * (sizeof(Record) + size);
      parts[i] = {record + sizeof(Record), size};
      struct msghdr* header = &headers[i].msg_hdr;
      header->msg_name = record + offsetof(Record, address);
      header->msg_namelen = sizeof(Record::address);
      header->msg_iov = &parts[i];
      header->msg_iovlen = 1;
      header->msg_control = control[i];
      header->msg_controllen = kControlRoom;
    }
  }
};

// Writes a record. memcpy, because the caller's bytes may begin anywhere.
void Write(napi_env env, const struct mmsghdr& received, bool keeps_fds, char* record) {
  const struct msghdr& header = received.msg_hdr;
  Control control;
  ReadControl(static_cast<char*>(header.msg_control), header.msg_controllen, &control);
  if (control.pidfd >= 0) close(control.pidfd);  // Nobody asks for it.
  for (unsigned i = 0; i < control.count; i++) {
    if (keeps_fds)
      Hold(env, control.fds[i]);
    else
      close(control.fds[i]);
  }
  const int32_t facts[] = {
      static_cast<int32_t>(received.msg_len),
      header.msg_flags & (MSG_TRUNC | MSG_CTRUNC),
      control.sender.pid,
      static_cast<int32_t>(control.sender.uid),
      static_cast<int32_t>(control.sender.gid),
      static_cast<int32_t>(header.msg_namelen),
      keeps_fds ? static_cast<int32_t>(control.count) : 0,
  };
  memcpy(record, facts, sizeof(facts));
  memcpy(record + offsetof(Record, fds), control.fds, control.count * sizeof(int));
}

// int recvmmsg(int sockfd, struct mmsghdr *msgvec, unsigned int vlen,
//              MSG_DONTWAIT | MSG_TRUNC | MSG_CMSG_CLOEXEC, NULL)
// Writes as many records as there are messages and as fit into the buffer, each with `size` bytes
// for its message. The thread holds the descriptors that came along, or closes them.
int ReceiveMessages(Call& call) {
  char* const records = static_cast<char*>(call.Data(1));
  const size_t length = call.Length(1);
  if (call.Int(2) < 1 || length < sizeof(Record) + call.Int(2)) return -EINVAL;
  const size_t size = call.Int(2), step = sizeof(Record) + size;
  const size_t room = std::min(length / step, kMostAtOnce);
  Batch batch(records, room, size);
  const int count = OrErrno(recvmmsg(call.Int(0), batch.headers, room,
                                     MSG_DONTWAIT | MSG_TRUNC | MSG_CMSG_CLOEXEC, nullptr));
  for (int i = 0; i < count; i++) {
    Write(call.Env(), batch.headers[i], call.Int(3), records + i * step);
  }
  return count;
}

// Takes over a descriptor that other code has opened: it is closed at the end of the thread.
int HoldFd(Call& call) {
  Hold(call.Env(), call.Int(0));
  return 0;
}

constexpr Function kFunctions[] = {
    {"connect", {kFd, kAddr}, Connect},
    {"shutdown", {kFd, kHow}, Shutdown},
    {"sendto", {kFd, kTo, kData}, SendTo},
    // Reading the array may run JavaScript, so it comes before the bytes.
    {"sendmsg", {kFd, kFds, kTo, kData}, SendMessage},
    {"recvmmsg", {kFd, kBuffer, kSize, kKeepsFds}, ReceiveMessages},
    {"hold", {kFd}, HoldFd},
    {"release", {kFd}, ReleaseFd},
};

}  // namespace

void ExportMessages(Napi::Object exports) {
  Export(exports, kFunctions);
}

}  // namespace libsystemd
