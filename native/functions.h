// The functions of sd-daemon.h, except those that take a printf format: X(name, parameters).
#ifndef LIBSYSTEMD_FUNCTIONS_H_
#define LIBSYSTEMD_FUNCTIONS_H_

#include <sys/socket.h>
#include <sys/types.h>

#include <cstddef>
#include <cstdint>

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

#endif  // LIBSYSTEMD_FUNCTIONS_H_
