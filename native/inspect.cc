#include "inspect.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <climits>
#include <cstdio>
#include <cstring>

#include "system.h"

namespace libsystemd {
namespace {

// The call that failed, for a record whose `result` is -errno. Each other `domain` is an AF_
// number.
enum FailedCall : int32_t { kGetSockOpt, kGetSockName, kFstat };

// The `domain` of a descriptor that is no socket.
constexpr int32_t kNoSocket = -1;

// The length of an address or name that a descriptor does not have.
constexpr int32_t kAbsent = -1;

// A record: this struct, the bytes of `first`, and the bytes of `second`. Each of the three is
// filled up to a multiple of 4 bytes.
struct Head {
  int32_t size = sizeof(Head);  // Of the whole record.
  int32_t result = 0;
  int32_t fd = 0;
  int32_t domain = kNoSocket;  // SO_DOMAIN; or a FailedCall
  int32_t type = 0;            // SO_TYPE; for a file its type in st_mode
  int32_t protocol = 0;        // SO_PROTOCOL; for a file 1 when it is a POSIX message queue
  int32_t listening = 0;       // SO_ACCEPTCONN
  int32_t first = kAbsent;     // The length of the local address; for a file of its name in /proc.
  int32_t second = kAbsent;    // The length of the peer's address.
};

// The record that is being made. A name in /proc has PATH_MAX bytes at most.
struct Record {
  Head head;
  char bytes[PATH_MAX];

  // The place for the next address or name.
  char* End() { return reinterpret_cast<char*>(this) + head.size; }

  // Adds `length` bytes, which are there already.
  void Grow(int length) {
    const int gap = -length & 3;
    memset(End() + length, 0, gap);
    head.size += length + gap;
  }
};

void Fail(Head* head, FailedCall call, int result) {
  head->result = result;
  head->domain = call;
}

// int getsockopt(int sockfd, SOL_SOCKET, int optname, void *optval, socklen_t *optlen)
// A negative value would be taken for an errno, as by getsockopt() in socket.cc.
int Option(int fd, int option, int32_t* value) {
  socklen_t length = sizeof(*value);
  const int result = OrErrno(getsockopt(fd, SOL_SOCKET, option, value, &length));
  return result == 0 && *value < 0 ? -EOVERFLOW : result;
}

// Adds an address to the record. Returns its length, or -errno.
template <int (*get)(int, struct sockaddr*, socklen_t*)>
int AddAddress(Record* record, int fd) {
  struct sockaddr_storage address;
  socklen_t length = sizeof(address);
  if (get(fd, reinterpret_cast<struct sockaddr*>(&address), &length) < 0) return -errno;
  if (length > sizeof(address)) length = sizeof(address);
  memcpy(record->End(), &address, length);
  record->Grow(length);
  return length;
}

// The family of a socket, by its protocol and its local address of this length; kNoSocket when they
// do not tell it. Sockets of RDS and SMC have addresses of AF_INET too, but other protocols.
int32_t DomainOf(const Record& record, int length) {
  sa_family_t family = AF_UNSPEC;
  if (length >= static_cast<int>(sizeof(family))) memcpy(&family, record.bytes, sizeof(family));
  const int32_t protocol = record.head.protocol;
  const bool is_inet = (family == AF_INET || family == AF_INET6) &&
                       (protocol == IPPROTO_TCP || protocol == IPPROTO_UDP);
  return family == AF_UNIX || is_inet ? family : kNoSocket;
}

// `length` is the length of the local address, which the record has already; or -errno.
void InspectSocket(Record* record, int fd, int length) {
  Head* head = &record->head;
  head->first = length < 0 ? kAbsent : length;
  int result = Option(fd, SO_PROTOCOL, &head->protocol);
  head->domain = DomainOf(*record, length);
  if (result == 0 && head->domain == kNoSocket) result = Option(fd, SO_DOMAIN, &head->domain);
  if (result == 0) result = Option(fd, SO_TYPE, &head->type);
  if (result == 0) result = Option(fd, SO_ACCEPTCONN, &head->listening);
  if (result < 0) return Fail(head, kGetSockOpt, result);
  if (length < 0) return Fail(head, kGetSockName, length);
  if (head->listening) return;
  const int peer = AddAddress<getpeername>(record, fd);
  head->second = peer < 0 ? kAbsent : peer;
}

// fstat(2) reports a POSIX message queue as a regular file, so this calls a function for queues. It
// is the system call, because before glibc 2.34 mq_getattr(3) is in a separate library.
bool IsMessageQueue(int fd) {
  return syscall(SYS_mq_getsetattr, fd, nullptr, nullptr) == 0;
}

void InspectFile(Record* record, int fd) {
  Head* head = &record->head;
  struct statx status = {};
  const int result = Stat(fd, &status);
  if (result < 0) return Fail(head, kFstat, result);
  head->type = status.stx_mode & S_IFMT;
  head->protocol = head->type == S_IFREG && IsMessageQueue(fd);
  char link[sizeof("/proc/self/fd/-2147483648")];
  snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
  const int length = static_cast<int>(readlink(link, record->bytes, sizeof(record->bytes)));
  if (length < 0) return;
  record->Grow(length);
  head->first = length;
}

void Inspect(Record* record, int fd) {
  record->head = Head();
  record->head.fd = fd;
  const int length = AddAddress<getsockname>(record, fd);
  if (length == -ENOTSOCK) {
    InspectFile(record, fd);
  } else {
    InspectSocket(record, fd, length);
  }
}

}  // namespace

int InspectFds(Call& call) {
  const int first = call.Int(0), count = call.Int(1), room = call.IntLength(2);
  auto* to = static_cast<char*>(call.Data(2));
  Record record;
  int32_t done = 0;
  int used = sizeof(done);
  for (; done < count; done++) {
    // No number is larger than INT_MAX. Without room for the smallest record, the system calls
    // would be made in vain.
    if (first > INT_MAX - done || room - used < static_cast<int>(sizeof(Head))) break;
    Inspect(&record, first + done);
    if (record.head.size > room - used) break;
    memcpy(to + used, &record, record.head.size);
    used += record.head.size;
  }
  if (room < static_cast<int>(sizeof(done))) return 0;
  memcpy(to, &done, sizeof(done));
  return used;
}

}  // namespace libsystemd
