// The functions of this machine's libsystemd, which is loaded at the first call.
//
// The add-on is not linked with libsystemd, so it loads on a machine without libsystemd, and on one
// whose libsystemd lacks some of the functions. A function that the machine lacks returns -ENOSYS,
// and Missing() says why.
#ifndef LIBSYSTEMD_LIBSYSTEMD_H_
#define LIBSYSTEMD_LIBSYSTEMD_H_

#include <sys/socket.h>
#include <sys/types.h>

#include <cerrno>
#include <cstdint>

// Every function of sd-daemon.h except those that take a printf format: X(name, parameters).
#define LIBSYSTEMD_FUNCTIONS(X)                                                            \
  X(sd_listen_fds, (int unset_environment))                                                \
  X(sd_listen_fds_with_names, (int unset_environment, char*** names))                      \
  X(sd_is_fifo, (int fd, const char* path))                                                \
  X(sd_is_special, (int fd, const char* path))                                             \
  X(sd_is_socket, (int fd, int family, int type, int listening))                           \
  X(sd_is_socket_inet, (int fd, int family, int type, int listening, uint16_t port))       \
  X(sd_is_socket_sockaddr,                                                                 \
    (int fd, int type, const struct sockaddr* addr, unsigned addr_len, int listening))     \
  X(sd_is_socket_unix, (int fd, int type, int listening, const char* path, size_t length)) \
  X(sd_is_mq, (int fd, const char* path))                                                  \
  X(sd_notify, (int unset_environment, const char* state))                                 \
  X(sd_pid_notify, (pid_t pid, int unset_environment, const char* state))                  \
  X(sd_pid_notify_with_fds,                                                                \
    (pid_t pid, int unset_environment, const char* state, const int* fds, unsigned n_fds)) \
  X(sd_notify_barrier, (int unset_environment, uint64_t timeout))                          \
  X(sd_pid_notify_barrier, (pid_t pid, int unset_environment, uint64_t timeout))           \
  X(sd_pidfd_get_inode_id, (int pidfd, uint64_t* ret))                                     \
  X(sd_booted, (void))                                                                     \
  X(sd_watchdog_enabled, (int unset_environment, uint64_t* usec))

namespace libsystemd {

// Replaces a function that the machine lacks.
template <typename... Arguments>
int Unavailable(Arguments...) {
  return -ENOSYS;
}

struct Functions {
#define X(name, parameters) int(*name) parameters = Unavailable;
  LIBSYSTEMD_FUNCTIONS(X)
#undef X
};

// The functions of the machine's libsystemd. The first call loads the library; when it can't, the
// next call tries again. Any thread may make the first call.
const Functions& Libsystemd();

// The loader's reason why `function` returns -ENOSYS; nullptr when the machine has the function.
// The text is valid only until the thread's next call of the loader.
const char* Missing(const char* function);

// A function of a shared object that the process has already loaded; nullptr when the process has
// not loaded the object, or the object lacks the function. The object stays loaded from then on,
// because the text that the function returns may be in its memory.
void* FunctionOf(const char* file, const char* name);

}  // namespace libsystemd

#endif  // LIBSYSTEMD_LIBSYSTEMD_H_
