#include "event.h"

#include <time.h>

#include <cstdlib>
#include <cstring>
#include <utility>

#include "../held-fds.h"
#include "../system.h"
#include "control.h"

namespace libsystemd {
namespace {

// The multiple of the size of an int from which on the descriptors are.
size_t OffsetOfFds(size_t length) {
  return (length + sizeof(int) - 1) / sizeof(int) * sizeof(int);
}

Event* Allocate(int32_t id, EventKind kind, size_t more) {
  auto* event = static_cast<Event*>(malloc(sizeof(Event) + more));
  if (!event) return nullptr;
  struct timespec now = {};
  clock_gettime(CLOCK_MONOTONIC, &now);
  *event = Event();
  event->id = id;
  event->kind = kind;
  event->at = static_cast<uint64_t>(now.tv_sec) * 1'000'000 + now.tv_nsec / 1000;
  return event;
}

void CloseAll(const int* fds, size_t count) {
  for (size_t i = 0; i < count; i++) close(fds[i]);
}

// Gives back the memory that the message did not need. realloc() may fail even then.
Event* Shrink(Event* event) {
  const size_t used = OffsetOfFds(event->length) + event->fd_count * sizeof(int);
  void* smaller = realloc(event, sizeof(Event) + used);
  return smaller ? static_cast<Event*>(smaller) : event;
}

napi_value Number(napi_env env, double number) {
  napi_value value = nullptr;
  napi_create_double(env, number, &value);
  return value;
}

napi_value BigInt(napi_env env, uint64_t number) {
  napi_value value = nullptr;
  napi_create_bigint_uint64(env, number, &value);
  return value;
}

napi_value Bytes(napi_env env, const Event& event) {
  napi_value value = nullptr;
  napi_create_buffer_copy(env, event.length, event.bytes, nullptr, &value);
  return value;
}

napi_value Fds(napi_env env, Event* event) {
  napi_value array = nullptr;
  napi_create_array_with_length(env, event->fd_count, &array);
  for (uint32_t i = 0; i < event->fd_count; i++) {
    Hold(env, event->Fds()[i]);
    napi_set_element(env, array, i, Number(env, event->Fds()[i]));
  }
  return array;
}

// [id, kind, result, at], and for a message [..., bytes, pid, uid, gid, fds].
napi_value AsArray(napi_env env, Event* event) {
  const bool is_message = event->kind == EventKind::kMessage;
  const napi_value fds = is_message ? Fds(env, event) : nullptr;
  const napi_value items[] = {
      Number(env, event->id),
      Number(env, static_cast<int32_t>(event->kind)),
      Number(env, event->result),
      BigInt(env, event->at),
      is_message ? Bytes(env, *event) : nullptr,
      Number(env, event->sender.pid),
      Number(env, event->sender.uid),
      Number(env, event->sender.gid),
      fds,
  };
  napi_value array = nullptr;
  napi_create_array(env, &array);
  const size_t count = is_message ? std::size(items) : 4;
  for (size_t i = 0; i < count; i++) napi_set_element(env, array, i, items[i]);
  return array;
}

}  // namespace

int* Event::Fds() {
  return reinterpret_cast<int*>(bytes + OffsetOfFds(length));
}

Event* NewEvent(int32_t id, EventKind kind) {
  return Allocate(id, kind, 0);
}

int Receive(int fd, int32_t id, Event** received) {
  // The memory comes first, because a message that was taken from the socket must not get lost.
  constexpr size_t kMore = kMostBytes + kMostFds * sizeof(int);
  Event* event = Allocate(id, EventKind::kMessage, kMore);
  if (!event) return -ENOMEM;
  struct iovec part = {event->bytes, kMostBytes};
  alignas(struct cmsghdr) char buffer[kControlSize];
  struct msghdr message = {};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = buffer;
  message.msg_controllen = sizeof(buffer);
  const ssize_t length = recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (length < 0) {
    free(event);
    return -errno;
  }
  Control control;
  ReadControl(buffer, message.msg_controllen, &control);
  if (control.pidfd >= 0) close(control.pidfd);  // Nobody asks for it.
  event->result = message.msg_flags & (MSG_TRUNC | MSG_CTRUNC);
  event->sender = control.sender;
  event->length = static_cast<uint32_t>(length);
  // Some descriptors are lost, perhaps because this process may open no more. The manager takes no
  // part of such a message.
  if (message.msg_flags & MSG_CTRUNC) {
    CloseAll(control.fds, std::exchange(control.count, 0));
  }
  event->fd_count = control.count;
  memcpy(event->Fds(), control.fds, control.count * sizeof(int));
  *received = Shrink(event);
  return 0;
}

void Discard(Event* events) {
  while (Event* event = events) {
    CloseAll(event->Fds(), event->fd_count);
    events = event->next;
    free(event);
  }
}

napi_value TakeEvents(napi_env env, Event* events) {
  napi_value array = nullptr;
  napi_create_array(env, &array);
  for (uint32_t i = 0; events; i++) {
    napi_handle_scope scope = nullptr;
    napi_open_handle_scope(env, &scope);
    napi_set_element(env, array, i, AsArray(env, events));
    napi_close_handle_scope(env, scope);
    free(std::exchange(events, events->next));
  }
  return array;
}

}  // namespace libsystemd
