// How many connections wait on a listening socket, and how many may.
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cstddef>

#include "addon.h"
#include "convert.h"
#include "system.h"

namespace libsystemd {
namespace {

struct Queue {
  uint32_t waiting = 0;
  uint32_t limit = 0;
};

// For a listener the kernel answers with the queue in two fields that it has no other use for
// there (tcp_get_info() in net/ipv4/tcp.c).
int TcpQueue(int fd, Queue* queue) {
  struct tcp_info tcp = {};
  socklen_t length = sizeof(tcp);
  if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &tcp, &length) < 0) return -errno;
  // qemu-user answers with an int.
  if (length < offsetof(struct tcp_info, tcpi_lost)) return -ENODATA;
  *queue = {tcp.tcpi_unacked, tcp.tcpi_sacked};
  return 0;
}

// The request for one Unix socket, by its inode (sock_diag(7)).
struct UnixRequest {
  struct nlmsghdr header;
  struct unix_diag_req body;
};

UnixRequest AskForQueueOf(uint32_t inode) {
  UnixRequest request = {};
  request.header.nlmsg_len = sizeof(request);
  request.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
  request.header.nlmsg_flags = NLM_F_REQUEST;
  request.body.sdiag_family = AF_UNIX;
  request.body.udiag_states = ~0U;
  request.body.udiag_ino = inode;
  request.body.udiag_show = UDIAG_SHOW_RQLEN;
  request.body.udiag_cookie[0] = request.body.udiag_cookie[1] = ~0U;
  return request;
}

int ReadUnixReply(const char* reply, int size, Queue* queue) {
  const auto* header = reinterpret_cast<const struct nlmsghdr*>(reply);
  if (!NLMSG_OK(header, static_cast<unsigned>(size))) return -EBADMSG;
  if (header->nlmsg_type == NLMSG_ERROR) {
    return static_cast<const struct nlmsgerr*>(NLMSG_DATA(header))->error;
  }
  const auto* message = static_cast<const struct unix_diag_msg*>(NLMSG_DATA(header));
  const auto* attribute = reinterpret_cast<const struct rtattr*>(message + 1);
  unsigned left = NLMSG_PAYLOAD(header, sizeof(*message));
  for (; RTA_OK(attribute, left); attribute = RTA_NEXT(attribute, left)) {
    if (attribute->rta_type != UNIX_DIAG_RQLEN) continue;
    const auto* lengths = static_cast<const struct unix_diag_rqlen*>(RTA_DATA(attribute));
    *queue = {lengths->udiag_rqueue, lengths->udiag_wqueue};
    return 0;
  }
  return -ENODATA;
}

int AskKernel(int netlink, uint32_t inode, Queue* queue) {
  const UnixRequest request = AskForQueueOf(inode);
  if (send(netlink, &request, sizeof(request), 0) < 0) return -errno;
  alignas(struct nlmsghdr) char reply[1024];
  // The kernel answers within send(), so this never has to wait.
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

template <int (*call)(int, Queue*)>
Napi::Value AcceptQueue(const Napi::CallbackInfo& info) {
  Queue queue;
  const int result = call(ToFd(info[0]), &queue);
  return Result(
      info, result,
      {Napi::Number::New(info.Env(), queue.waiting), Napi::Number::New(info.Env(), queue.limit)});
}

}  // namespace

void ExportAcceptQueue(Napi::Object exports) {
  Export(exports, {
                      {"tcp_accept_queue", AcceptQueue<TcpQueue>},
                      {"unix_accept_queue", AcceptQueue<UnixQueue>},
                  });
}

}  // namespace libsystemd
