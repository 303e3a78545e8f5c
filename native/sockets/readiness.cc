// Tells the event loop of Node when descriptors are ready. All of them are in one epoll(7), and
// libuv watches that one: uv_poll_init() would set O_NONBLOCK on a socket, which an inherited one
// shares with the manager's copy. Bun and Deno have no event loop of libuv, so there the watcher's
// thread watches the epoll descriptor (watcher.cc).
#include "libuv.h"

#include <sys/epoll.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "../held-fds.h"
#include "../system.h"
#include "addon.h"

namespace libsystemd {
namespace {

// int epoll_create1(EPOLL_CLOEXEC)
int EpollCreate(Call& call) {
  return HeldResult(call, OrErrno(epoll_create1(EPOLL_CLOEXEC)));
}

// int epoll_ctl(int epfd, int op, int fd, struct epoll_event *event)
// The event has a number that epoll_wait() tells.
int EpollCtl(Call& call) {
  struct epoll_event event = {};
  event.data.u32 = static_cast<uint32_t>(call.Int(3));
  event.events = static_cast<uint32_t>(call.Int(4));
  return OrErrno(epoll_ctl(call.Int(0), call.Int(1), call.Int(2), &event));
}

// int epoll_wait(int epfd, struct epoll_event *events, int maxevents, 0)
// Writes two ints for each event: the number and the events.
int EpollWait(Call& call) {
  constexpr size_t kMost = 64;
  struct epoll_event events[kMost];
  const size_t room = std::min(call.Length(1) / (2 * sizeof(int32_t)), kMost);
  const int count = OrErrno(epoll_wait(call.Int(0), events, static_cast<int>(room), 0));
  for (int i = 0; i < count; i++) {
    const uint32_t facts[] = {events[i].data.u32, events[i].events};
    memcpy(static_cast<char*>(call.Data(1)) + i * sizeof(facts), facts, sizeof(facts));
  }
  return count;
}

// A descriptor in the event loop of a thread of JavaScript.
struct Poll {
  napi_env env;
  napi_async_context context;
  napi_ref callback;
  napi_async_cleanup_hook_handle hook;
  uv_poll_t* handle;
  bool is_closing;
};

void Free(Poll* poll) {
  if (poll->callback) napi_delete_reference(poll->env, poll->callback);
  if (poll->context) napi_async_destroy(poll->env, poll->context);
  if (poll->hook) napi_remove_async_cleanup_hook(poll->hook);
  free(poll->handle);
  free(poll);
}

// Calls JavaScript as the event loop does: process.nextTick() and promises have their turn then.
void OnReadable(uv_poll_t* handle, int, int) {
  const auto* poll = static_cast<Poll*>(uv_handle_get_data(handle));
  const napi_env env = poll->env;
  napi_handle_scope scope = nullptr;
  napi_open_handle_scope(env, &scope);
  napi_value global = nullptr, callback = nullptr, error = nullptr;
  napi_get_global(env, &global);
  napi_get_reference_value(env, poll->callback, &callback);
  const napi_status status =
      napi_make_callback(env, poll->context, global, callback, 0, nullptr, nullptr);
  if (status == napi_pending_exception && napi_get_and_clear_last_exception(env, &error) == napi_ok)
    napi_fatal_exception(env, error);
  napi_close_handle_scope(env, scope);
}

// Runs in the event loop. When the thread ends, Node waits for this before it ends the loop.
void OnClosed(uv_poll_t* handle) {
  Free(static_cast<Poll*>(uv_handle_get_data(handle)));
}

void Close(Poll* poll) {
  if (std::exchange(poll->is_closing, true)) return;
  uv_close(poll->handle, OnClosed);
}

// The thread ends.
void OnEnd(napi_async_cleanup_hook_handle, void* poll) {
  Close(static_cast<Poll*>(poll));
}

// A new Poll that waits for nothing yet; nullptr without memory.
Poll* NewPoll(napi_env env, napi_value callback) {
  auto* poll = static_cast<Poll*>(calloc(1, sizeof(Poll)));
  if (!poll) return nullptr;
  poll->env = env;
  poll->handle = static_cast<uv_poll_t*>(calloc(1, uv_handle_size(UV_POLL)));
  napi_value name = nullptr;
  napi_create_string_utf8(env, "libsystemd", NAPI_AUTO_LENGTH, &name);
  napi_async_init(env, nullptr, name, &poll->context);
  napi_create_reference(env, callback, 1, &poll->callback);
  if (poll->handle && poll->context && poll->callback) return poll;
  Free(poll);
  return nullptr;
}

int Start(Poll* poll, struct uv_loop_s* loop, int fd) {
  const int result = uv_poll_init(loop, poll->handle, fd);
  if (result < 0) {
    Free(poll);
    return result;
  }
  uv_handle_set_data(poll->handle, poll);
  napi_add_async_cleanup_hook(poll->env, OnEnd, poll, &poll->hook);
  return uv_poll_start(poll->handle, UV_READABLE, OnReadable);  // Fails for no open handle.
}

// Where this thread keeps its Poll; nullptr without memory.
Poll** PollOf(const Call& call) {
  return reinterpret_cast<Poll**>(BesideHeldFds(call.Env(), Beside::kPoll));
}

// Calls the callback, without arguments, each time that an epoll descriptor can be read. There is
// one such descriptor for each thread of JavaScript. -ENOSYS where there is no event loop of libuv.
int PollStart(Call& call) {
  Poll** beside = PollOf(call);
  if (!beside) return -ENOMEM;
  if (*beside) return -EALREADY;
  struct uv_loop_s* loop = nullptr;
  if (!uv_poll_init || napi_get_uv_event_loop(call.Env(), &loop) != napi_ok) return -ENOSYS;
  Poll* poll = NewPoll(call.Env(), call.Callback(1));
  if (!poll) return -ENOMEM;
  const int result = Start(poll, loop, call.Int(0));
  if (result >= 0) *beside = poll;
  return result;
}

// Ends what poll_start() has begun.
int PollStop(Call& call) {
  Poll** beside = PollOf(call);
  if (!beside || !*beside) return -ENOENT;
  Close(std::exchange(*beside, nullptr));
  return 0;
}

// True: the descriptor keeps the event loop alive, as it does at first.
int PollKeepAlive(Call& call) {
  Poll** beside = PollOf(call);
  if (!beside || !*beside) return -ENOENT;
  (call.Int(0) ? uv_ref : uv_unref)((*beside)->handle);
  return 0;
}

constexpr Function kFunctions[] = {
    {"epoll_create", {}, EpollCreate},
    {"epoll_ctl", {kFd, kOperation, kOtherFd, kId, kEvents}, EpollCtl},
    {"epoll_wait", {kFd, kBuffer}, EpollWait},
    {"poll_start", {kFd, kCallback}, PollStart},
    {"poll_stop", {}, PollStop},
    {"poll_keep_alive", {kAlive}, PollKeepAlive},
};

}  // namespace

void ExportReadiness(Napi::Object exports) {
  Export(exports, kFunctions);
}

}  // namespace libsystemd
