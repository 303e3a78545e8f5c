// sock_diag(7): makes the request for the accept queue of a Unix socket, and parses the kernel's
// reply. This file makes no system calls, so that test/hardening can fuzz it.
#ifndef LIBSYSTEMD_SOCK_DIAG_H_
#define LIBSYSTEMD_SOCK_DIAG_H_

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstdint>

namespace libsystemd {

struct Queue {
  uint32_t waiting = 0;
  uint32_t limit = 0;
};

// A request about one Unix socket.
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

// Parses the reply, which must be aligned as struct nlmsghdr, and never reads beyond `size`:
//
// - 0: *queue is set.
// - -EBADMSG: the reply is incomplete.
// - -ENODATA: the reply has no queue.
// - any other negative errno: the kernel's error.
inline int ReadUnixReply(const char* reply, int size, Queue* queue) {
  const auto* header = reinterpret_cast<const struct nlmsghdr*>(reply);
  if (!NLMSG_OK(header, static_cast<unsigned>(size))) return -EBADMSG;
  if (header->nlmsg_type == NLMSG_ERROR) {
    if (header->nlmsg_len < NLMSG_LENGTH(sizeof(int))) return -EBADMSG;
    const int error = static_cast<const struct nlmsgerr*>(NLMSG_DATA(header))->error;
    return error < 0 ? error : -EBADMSG;
  }
  const auto* message = static_cast<const struct unix_diag_msg*>(NLMSG_DATA(header));
  const auto* attribute = reinterpret_cast<const struct rtattr*>(message + 1);
  // An incomplete message makes this negative, which ends the loop.
  int left = static_cast<int>(header->nlmsg_len - NLMSG_LENGTH(sizeof(*message)));
  for (; RTA_OK(attribute, left); attribute = RTA_NEXT(attribute, left)) {
    if (attribute->rta_type != UNIX_DIAG_RQLEN) continue;
    const auto* lengths = static_cast<const struct unix_diag_rqlen*>(RTA_DATA(attribute));
    if (RTA_PAYLOAD(attribute) < sizeof(*lengths)) return -EBADMSG;
    *queue = {lengths->udiag_rqueue, lengths->udiag_wqueue};
    return 0;
  }
  return -ENODATA;
}

}  // namespace libsystemd

#endif  // LIBSYSTEMD_SOCK_DIAG_H_
