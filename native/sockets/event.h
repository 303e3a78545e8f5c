// What the watcher's thread hands over to JavaScript.
#ifndef LIBSYSTEMD_SOCKETS_EVENT_H_
#define LIBSYSTEMD_SOCKETS_EVENT_H_

#include <node_api.h>
#include <sys/socket.h>

#include <cstdint>

namespace libsystemd {

enum class EventKind : int32_t { kHappened, kMessage, kDrained, kFailed };

struct Event {
  Event* next = nullptr;
  int32_t id = 0;  // Of the watch; 0 for a failure of the thread itself.
  EventKind kind = EventKind::kHappened;
  // What has happened, as epoll_wait(2) has it; the flags of a message (MSG_TRUNC, MSG_CTRUNC);
  // -errno of a failure.
  int32_t result = 0;
  uint64_t at = 0;  // Microseconds of CLOCK_MONOTONIC.
  struct ucred sender = {};
  uint32_t length = 0;
  uint32_t fd_count = 0;
  // The bytes of a message, and behind them, from a multiple of 4 on, its descriptors.
  alignas(int) char bytes[1];

  int* Fds();
};

// Messages may be so long (NOTIFY_BUFFER_MAX of the manager).
constexpr size_t kMostBytes = 4096;

// A new event; nullptr without memory. free() frees it.
Event* NewEvent(int32_t id, EventKind kind);

// Receives a datagram without waiting. Returns 0 and the event, or -errno.
int Receive(int fd, int32_t id, Event** event);

// Closes the descriptors of events that JavaScript will not get, and frees the events.
void Discard(Event* events);

// Makes an array of the events for JavaScript, and frees them. The thread of JavaScript holds the
// descriptors from then on (../held-fds.h).
napi_value TakeEvents(napi_env env, Event* events);

}  // namespace libsystemd

#endif  // LIBSYSTEMD_SOCKETS_EVENT_H_
