// Watches descriptors by a thread, for one thread of JavaScript: receives datagrams, and notices
// when a descriptor becomes readable or is hung up. The thread goes on while JavaScript is busy, so
// a daemon's sd_notify(3) never waits for a place in the socket's queue, which may have as few
// as 10. uv_poll_start() would wait for JavaScript, and Bun and Deno have no libuv.
#ifndef LIBSYSTEMD_SOCKETS_WATCHER_H_
#define LIBSYSTEMD_SOCKETS_WATCHER_H_

#include <node_api.h>
#include <pthread.h>

#include <cstdint>

#include "event.h"

namespace libsystemd {

struct Watch;

class Watcher {
 public:
  // A watcher that calls `callback` with arrays of events; nullptr without memory or when the
  // thread of JavaScript ends. Node frees it at the end of the thread.
  static Watcher* New(napi_env env, napi_value callback);

  // By itself a watcher keeps no process alive.
  void KeepAlive(napi_env env, bool alive);

  // Begins to receive datagrams. Returns the number of the watch, or -errno. The watcher has a copy
  // of the descriptor, because epoll(7) would go on to report a descriptor that is closed here
  // while a child process has it.
  int AddReceiver(int fd);
  // Waits once for one of these events of epoll_ctl(2); for 0 for EPOLLHUP and EPOLLERR. With
  // EPOLLET it goes on, and tells of each.
  int Add(int fd, uint32_t events);
  int Remove(int id);
  // While a receiver is paused, messages stay in the socket.
  int Pause(int id) { return SetPaused(id, true); }
  int Resume(int id) { return SetPaused(id, false); }
  // Takes all messages out of the socket at once, and has an event follow them.
  int Drain(int id);

 private:
  static void* Main(void* watcher);
  static void Wake(napi_env env, napi_value callback, void* watcher, void* data);
  static void End(void* watcher);
  static void Free(napi_env env, void* watcher, void* hint);

  int AddWatch(int fd, bool receives, uint32_t events);
  int Begin(Watch* watch);
  int SetPaused(int id, bool is_paused);
  int StartThread();
  void StopThread();
  void Run();
  bool Handle(int id, uint32_t events);
  int ReceiveSome(Watch* watch, int most);
  Watch* Find(int id);
  void Push(Event* event);
  void Unlock();
  Event* TakeAll();

  napi_threadsafe_function wake_;
  pthread_mutex_t lock_;  // Of everything below.
  pthread_t thread_;
  int epoll_;  // -1 while the thread does not run.
  int stop_;   // An eventfd.
  int last_id_;
  Watch* watches_;
  Event* events_;
  Event** end_;     // Where the next event goes.
  bool is_waking_;  // True when JavaScript was told that there are events, and has not yet taken
                    // them.
};

}  // namespace libsystemd

#endif  // LIBSYSTEMD_SOCKETS_WATCHER_H_
