#include "watcher.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include <climits>
#include <cstdlib>
#include <utility>

#include "../held-fds.h"
#include "../system.h"
#include "addon.h"

namespace libsystemd {

struct Watch {
  Watch* next;
  int id;
  int fd;  // The watcher's own copy.
  uint32_t events;
  bool receives;
  bool is_paused;
};

namespace {

// The id of no watch: the thread shall stop.
constexpr int kStop = 0;

// So many messages of one socket are received in a row, so that others have their turn.
constexpr int kInARow = 64;

// More than any socket's queue holds (net.unix.max_dgram_qlen), so that the draining ends also
// while somebody sends without end.
constexpr int kMostQueued = 1 << 16;

int Control(int epoll, int operation, int fd, int id, uint32_t events) {
  struct epoll_event event = {};
  event.events = events;
  event.data.u32 = static_cast<uint32_t>(id);
  return OrErrno(epoll_ctl(epoll, operation, fd, &event));
}

int SocketOption(int fd, int option) {
  int value = 0;
  socklen_t length = sizeof(value);
  return getsockopt(fd, SOL_SOCKET, option, &value, &length) < 0 ? -errno : value;
}

}  // namespace

Watcher* Watcher::New(napi_env env, napi_value callback) {
  auto* watcher = static_cast<Watcher*>(calloc(1, sizeof(Watcher)));
  if (!watcher) return nullptr;
  pthread_mutex_init(&watcher->lock_, nullptr);
  watcher->epoll_ = watcher->stop_ = -1;
  watcher->end_ = &watcher->events_;
  napi_value name = nullptr;
  napi_create_string_utf8(env, "libsystemd", NAPI_AUTO_LENGTH, &name);
  if (napi_create_threadsafe_function(env, callback, nullptr, name, 0, 1, watcher, Free, watcher,
                                      Wake, &watcher->wake_) != napi_ok) {
    free(watcher);
    return nullptr;
  }
  watcher->KeepAlive(env, false);
  // Runs before Node ends the thread-safe function, because it was added later.
  napi_add_env_cleanup_hook(env, End, watcher);
  return watcher;
}

void Watcher::KeepAlive(napi_env env, bool alive) {
  (alive ? napi_ref_threadsafe_function : napi_unref_threadsafe_function)(env, wake_);
}

// Runs in the thread of JavaScript.
void Watcher::Wake(napi_env env, napi_value callback, void* data, void*) {
  if (!env) return;  // The thread ends.
  Event* events = static_cast<Watcher*>(data)->TakeAll();
  if (!events) return;
  const napi_value array = TakeEvents(env, events);
  napi_value undefined = nullptr;
  napi_get_undefined(env, &undefined);
  napi_call_function(env, undefined, callback, 1, &array, nullptr);
}

void Watcher::End(void* data) {
  auto* watcher = static_cast<Watcher*>(data);
  while (watcher->watches_) watcher->Remove(watcher->watches_->id);
  Discard(watcher->TakeAll());
}

void Watcher::Free(napi_env, void* data, void*) {
  free(data);
}

int Watcher::StartThread() {
  epoll_ = OrErrno(epoll_create1(EPOLL_CLOEXEC));
  stop_ = OrErrno(eventfd(0, EFD_CLOEXEC));
  int result = epoll_ < 0 ? epoll_ : stop_;
  if (result >= 0) result = Control(epoll_, EPOLL_CTL_ADD, stop_, kStop, EPOLLIN);
  if (result >= 0) {
    // The process's signals are for its other threads.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    result = -pthread_create(&thread_, nullptr, Main, this);
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }
  if (result >= 0) return 0;
  if (epoll_ >= 0) close(epoll_);
  if (stop_ >= 0) close(stop_);
  epoll_ = stop_ = -1;
  return result;
}

// The lock is free meanwhile, because the thread may wait for it.
void Watcher::StopThread() {
  const uint64_t one = 1;
  while (write(stop_, &one, sizeof(one)) < 0 && errno == EINTR) {
  }
  pthread_join(thread_, nullptr);
  close(epoll_);
  close(stop_);
  epoll_ = stop_ = -1;
}

void* Watcher::Main(void* watcher) {
  prctl(PR_SET_NAME, "libsystemd");
  static_cast<Watcher*>(watcher)->Run();
  return nullptr;
}

void Watcher::Run() {
  for (;;) {
    struct epoll_event events[16];
    const int count = OrErrno(epoll_wait(epoll_, events, std::size(events), -1));
    if (count == -EINTR) continue;
    bool is_idle = true;
    pthread_mutex_lock(&lock_);
    for (int i = 0; i < count; i++) {
      const int id = static_cast<int>(events[i].data.u32);
      if (id == kStop) return Unlock();
      if (Handle(id, events[i].events)) is_idle = false;
    }
    if (count < 0) {
      Event* failure = NewEvent(0, EventKind::kFailed);
      if (failure) failure->result = count;
      Push(failure);
      return Unlock();
    }
    Unlock();
    // The kernel reports a socket that can't be read now, as where there is no memory.
    if (is_idle) poll(nullptr, 0, 1);
  }
}

// False when nothing could be done about the event.
bool Watcher::Handle(int id, uint32_t events) {
  Watch* watch = Find(id);
  if (!watch) return true;
  if (watch->receives) return ReceiveSome(watch, kInARow) > 0;  // -errno: it is tried again.
  Event* event = NewEvent(id, EventKind::kHappened);
  if (event) event->result = static_cast<int32_t>(events);
  Push(event);
  if (!event) Control(epoll_, EPOLL_CTL_MOD, watch->fd, id, watch->events);  // Once more.
  return event != nullptr;
}

// Returns the number of messages, or -errno when the socket has more that could not be received.
int Watcher::ReceiveSome(Watch* watch, int most) {
  int count = 0;
  while (count < most && !watch->is_paused) {
    Event* event = nullptr;
    const int result = Receive(watch->fd, watch->id, &event);
    if (result == -EAGAIN) break;
    if (result < 0 && result != -EINTR) return result;
    if (event) count++;
    Push(event);
  }
  return count;
}

Watch* Watcher::Find(int id) {
  Watch* watch = watches_;
  while (watch && watch->id != id) watch = watch->next;
  return watch;
}

void Watcher::Push(Event* event) {
  if (!event) return;
  *end_ = event;
  end_ = &event->next;
}

// Tells JavaScript of new events, after the lock is free.
void Watcher::Unlock() {
  const bool wakes = events_ && !is_waking_;
  if (wakes) is_waking_ = true;
  pthread_mutex_unlock(&lock_);
  if (!wakes || napi_call_threadsafe_function(wake_, nullptr, napi_tsfn_nonblocking) == napi_ok)
    return;
  pthread_mutex_lock(&lock_);
  is_waking_ = false;  // Without memory. The next event tells of this one too.
  pthread_mutex_unlock(&lock_);
}

Event* Watcher::TakeAll() {
  pthread_mutex_lock(&lock_);
  Event* events = std::exchange(events_, nullptr);
  end_ = &events_;
  is_waking_ = false;
  pthread_mutex_unlock(&lock_);
  return events;
}

int Watcher::AddReceiver(int fd) {
  const int domain = SocketOption(fd, SO_DOMAIN);
  if (domain < 0) return domain;
  // Of other sockets recvmsg(2) may return an end instead of a message, without end.
  if (domain != AF_UNIX || SocketOption(fd, SO_TYPE) != SOCK_DGRAM) return -EPROTOTYPE;
  return AddWatch(fd, true, EPOLLIN);
}

int Watcher::Add(int fd, uint32_t events) {
  const bool goes_on = events & EPOLLET;
  return AddWatch(fd, false, goes_on ? events : events | EPOLLONESHOT);
}

int Watcher::AddWatch(int fd, bool receives, uint32_t events) {
  const int copy = Fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
  if (copy < 0) return copy;
  auto* watch = static_cast<Watch*>(calloc(1, sizeof(Watch)));
  if (watch) *watch = {nullptr, 0, copy, events, receives, false};
  const int id = watch ? Begin(watch) : -ENOMEM;
  if (id < 0) {
    close(copy);
    free(watch);
  }
  return id;
}

int Watcher::Begin(Watch* watch) {
  if (const int result = epoll_ < 0 ? StartThread() : 0; result < 0) return result;
  pthread_mutex_lock(&lock_);
  watch->id = last_id_ = last_id_ % INT_MAX + 1;
  const int result = Control(epoll_, EPOLL_CTL_ADD, watch->fd, watch->id, watch->events);
  if (result == 0) watch->next = std::exchange(watches_, watch);
  Unlock();
  if (!watches_) StopThread();
  return result < 0 ? result : watch->id;
}

int Watcher::Remove(int id) {
  pthread_mutex_lock(&lock_);
  Watch** at = &watches_;
  while (*at && (*at)->id != id) at = &(*at)->next;
  Watch* watch = *at;
  if (watch) {
    *at = watch->next;
    Control(epoll_, EPOLL_CTL_DEL, watch->fd, id, 0);
    close(watch->fd);
    free(watch);
  }
  Unlock();
  if (!watch) return -ENOENT;
  if (!watches_) StopThread();
  return 0;
}

int Watcher::SetPaused(int id, bool is_paused) {
  pthread_mutex_lock(&lock_);
  Watch* watch = Find(id);
  int result = -ENOENT;
  if (watch) {
    watch->is_paused = is_paused;
    result = Control(epoll_, EPOLL_CTL_MOD, watch->fd, id, is_paused ? 0 : watch->events);
  }
  Unlock();
  return result;
}

int Watcher::Drain(int id) {
  pthread_mutex_lock(&lock_);
  Watch* watch = Find(id);
  const int result = watch ? ReceiveSome(watch, kMostQueued) : -ENOENT;
  Event* event = result < 0 ? nullptr : NewEvent(id, EventKind::kDrained);
  Push(event);
  Unlock();
  if (result < 0) return result;
  return event ? 0 : -ENOMEM;
}

namespace {

Watcher* WatcherOf(const Call& call) {
  void** beside = BesideHeldFds(call.Env(), Beside::kWatcher);
  return beside ? static_cast<Watcher*>(*beside) : nullptr;
}

// Makes the watcher of this thread. Its events are passed to the callback as an array.
int OnEvents(Call& call) {
  void** beside = BesideHeldFds(call.Env(), Beside::kWatcher);
  if (!beside) return -ENOMEM;
  if (*beside) return -EALREADY;
  *beside = Watcher::New(call.Env(), call.Callback(0));
  return *beside ? 0 : -ENOMEM;
}

// Calls a function of the watcher with a descriptor or the number of a watch.
template <int (Watcher::*function)(int)>
int CallWatcher(Call& call) {
  Watcher* watcher = WatcherOf(call);
  return watcher ? (watcher->*function)(call.Int(0)) : -EINVAL;
}

// True: events are waited for, so the process must not end: as ref() and unref() of a timer.
int KeepAlive(Call& call) {
  Watcher* watcher = WatcherOf(call);
  if (!watcher) return -EINVAL;
  watcher->KeepAlive(call.Env(), call.Int(0));
  return 0;
}

int AddWatch(Call& call) {
  Watcher* watcher = WatcherOf(call);
  return watcher ? watcher->Add(call.Int(0), call.Int(1)) : -EINVAL;
}

constexpr Function kFunctions[] = {
    {"on_events", {kCallback}, OnEvents},
    {"keep_alive", {kAlive}, KeepAlive},
    {"receive", {kFd}, CallWatcher<&Watcher::AddReceiver>},
    {"watch", {kFd, kEvents}, AddWatch},
    {"unwatch", {kId}, CallWatcher<&Watcher::Remove>},
    {"pause", {kId}, CallWatcher<&Watcher::Pause>},
    {"resume", {kId}, CallWatcher<&Watcher::Resume>},
    {"drain", {kId}, CallWatcher<&Watcher::Drain>},
};

}  // namespace

void ExportWatcher(Napi::Object exports) {
  Export(exports, kFunctions);
}

}  // namespace libsystemd
