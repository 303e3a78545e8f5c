// sock_diag(7): the question for a Unix socket's queue, and the kernel's answer taken apart. Bytes
// only, no calls, so that test/hardening can fuzz it.
#ifndef LIBSYSTEMD_SOCK_DIAG_H_
#define LIBSYSTEMD_SOCK_DIAG_H_

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>

namespace libsystemd {

struct Queue {
  uint32_t waiting = 0;
  uint32_t limit = 0;
};

// The request for one Unix socket, by its inode.
struct UnixRequest {
  struct nlmsghdr header;
  struct unix_diag_req body;
};

inline UnixRequest AskForQueueOf(uint32_t inode) {
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

// What the bytes begin with, or nothing where they end before it does.
template <typename T>
std::optional<T> Read(std::string_view bytes) {
  if (bytes.size() < sizeof(T)) return std::nullopt;
  T value;
  memcpy(&value, bytes.data(), sizeof(T));
  return value;
}

inline int ReadAttributes(std::string_view attributes, Queue* queue) {
  while (const auto attribute = Read<struct rtattr>(attributes)) {
    const size_t length = attribute->rta_len;
    if (length < sizeof(*attribute) || length > attributes.size()) return -EBADMSG;
    if (attribute->rta_type == UNIX_DIAG_RQLEN) {
      const auto value = attributes.substr(0, length).substr(RTA_LENGTH(0));
      const auto lengths = Read<struct unix_diag_rqlen>(value);
      if (!lengths) return -EBADMSG;
      *queue = {lengths->udiag_rqueue, lengths->udiag_wqueue};
      return 0;
    }
    attributes.remove_prefix(std::min<size_t>(RTA_ALIGN(length), attributes.size()));
  }
  return -ENODATA;
}

// 0 and the queue, or a negative errno: the kernel's, EBADMSG for what is no answer, ENODATA for
// one without a queue. Nothing is taken on trust, be it only from the kernel.
inline int ReadUnixReply(std::string_view reply, Queue* queue) {
  const auto header = Read<struct nlmsghdr>(reply);
  if (!header || header->nlmsg_len > reply.size()) return -EBADMSG;
  if (header->nlmsg_len < sizeof(*header)) return -EBADMSG;
  const auto body = reply.substr(0, header->nlmsg_len).substr(sizeof(*header));
  if (header->nlmsg_type == NLMSG_ERROR) {
    const int error = Read<int>(body).value_or(0);  // nlmsgerr begins with it
    return error < 0 ? error : -EBADMSG;
  }
  if (header->nlmsg_type != SOCK_DIAG_BY_FAMILY) return -EBADMSG;
  if (body.size() < sizeof(struct unix_diag_msg)) return -EBADMSG;
  return ReadAttributes(body.substr(sizeof(struct unix_diag_msg)), queue);
}

}  // namespace libsystemd

#endif  // LIBSYSTEMD_SOCK_DIAG_H_
