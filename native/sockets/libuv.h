// The functions of libuv that the add-on uses. uv.h is no help, because the headers of Node-API
// alone don't have it. The names, numbers and prototypes are the same in every libuv 1; the size of
// a handle is not, so uv_handle_size() tells it. The functions are weak: a runtime without libuv
// loads the add-on all the same, and each of them is nullptr there.
#ifndef LIBSYSTEMD_SOCKETS_LIBUV_H_
#define LIBSYSTEMD_SOCKETS_LIBUV_H_

#include <cstddef>

extern "C" {

struct uv_loop_s;

// Whichever handle it is: the same functions take all of them.
struct uv_poll_t;

constexpr int UV_POLL = 8;
constexpr int UV_READABLE = 1;

using uv_poll_cb = void (*)(uv_poll_t* handle, int status, int events);
using uv_close_cb = void (*)(uv_poll_t* handle);

[[gnu::weak]] size_t uv_handle_size(int type);
[[gnu::weak]] void* uv_handle_get_data(const uv_poll_t* handle);
[[gnu::weak]] void uv_handle_set_data(uv_poll_t* handle, void* data);
[[gnu::weak]] int uv_poll_init(struct uv_loop_s* loop, uv_poll_t* handle, int fd);
[[gnu::weak]] int uv_poll_start(uv_poll_t* handle, int events, uv_poll_cb callback);
[[gnu::weak]] void uv_close(uv_poll_t* handle, uv_close_cb callback);
[[gnu::weak]] void uv_ref(uv_poll_t* handle);
[[gnu::weak]] void uv_unref(uv_poll_t* handle);
}

#endif  // LIBSYSTEMD_SOCKETS_LIBUV_H_
