// The accept queue of a listening socket: how many connections wait, and how many may wait.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cstddef>

#include "addon.h"
#include "sock-diag.h"
#include "system.h"

namespace libsystemd {
namespace {

// For a listening socket the kernel puts the queue into two fields of struct tcp_info that have no
// other use there (tcp_get_info() in net/ipv4/tcp.c).
int TcpQueue(int fd, Queue* queue) {
  struct tcp_info tcp = {};
  socklen_t length = sizeof(tcp);
  if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &tcp, &length) < 0) return -errno;
  // Under qemu-user the answer is one int.
  if (length < offsetof(struct tcp_info, tcpi_lost)) return -ENODATA;
  *queue = {tcp.tcpi_unacked, tcp.tcpi_sacked};
  return 0;
}

// Asks the kernel by sock_diag(7) for the queue of the Unix socket with this inode.
int AskKernel(int netlink, uint32_t inode, Queue* queue) {
  const UnixRequest request = AskForQueueOf(inode);
  if (send(netlink, &request, sizeof(request), 0) < 0) return -errno;
  alignas(struct nlmsghdr) char reply[1024];
  // The kernel answers during send(), so this call does not have to wait.
  const ssize_t size = recv(netlink, reply, sizeof(reply), MSG_DONTWAIT);
  return size < 0 ? -errno : ReadUnixReply(reply, static_cast<int>(size), queue);
}

int UnixQueue(int fd, Queue* queue) {
  struct statx status = {};
  if (const int result = Stat(fd, &status); result < 0) return result;
  const int netlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
  if (netlink < 0) return -errno;
  const int result = AskKernel(netlink, static_cast<uint32_t>(status.stx_ino), queue);
  close(netlink);
  return result;
}

template <int (*ask)(int, Queue*)>
int AcceptQueue(Call& call) {
  Queue queue;
  const int result = ask(call.Int(0), &queue);
  call.OutNumber(queue.waiting);
  call.OutNumber(queue.limit);
  return result;
}

constexpr Function kFunctions[] = {
    {"tcp_accept_queue", {kFd}, AcceptQueue<TcpQueue>},
    {"unix_accept_queue", {kFd}, AcceptQueue<UnixQueue>},
};

}  // namespace

void ExportAcceptQueue(Napi::Object exports) {
  Export(exports, kFunctions);
}

}  // namespace libsystemd
