// libsystemd itself, loaded at the first call.
//
// The library is not linked, so that the add-on loads on a host without it, and on one whose
// libsystemd is older than a function bound here: then that function alone answers -ENOSYS, and
// Missing() says why.
#ifndef LIBSYSTEMD_LIBSYSTEMD_H_
#define LIBSYSTEMD_LIBSYSTEMD_H_

#include <sys/socket.h>
#include <sys/types.h>

#include <cerrno>
#include <cstdint>

// sd-daemon.h, all of it but the printf forms: X(name, parameters).
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

// Stands in for a function that the host does not have.
template <typename... Arguments>
int Unavailable(Arguments...) {
  return -ENOSYS;
}

struct Functions {
#define X(name, parameters) int(*name) parameters = Unavailable;
  LIBSYSTEMD_FUNCTIONS(X)
#undef X
};

// The functions of the host's libsystemd. Loads it at the first call that can; any thread may be
// first.
const Functions& Libsystemd();

// Why `function` answers -ENOSYS: the loader's own words, to be read at once; NULL when it is
// there.
const char* Missing(const char* function);

// A function of a shared object that the process has loaded already; nullptr if it has not, or if
// it has no such function. The object then stays loaded for good, as what the function gives may be
// in it.
void* FunctionOf(const char* file, const char* name);

}  // namespace libsystemd

#endif  // LIBSYSTEMD_LIBSYSTEMD_H_
