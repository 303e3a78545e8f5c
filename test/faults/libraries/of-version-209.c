// A stand-in for the first libsystemd: the functions of sd-daemon.h in version 209, each with a
// fixed result.
#include <stddef.h>
#include <stdint.h>

int sd_listen_fds(int unset_environment) {
  return (void)unset_environment, 0;
}
int sd_is_fifo(int fd, const char* path) {
  return (void)fd, (void)path, 0;
}
int sd_is_special(int fd, const char* path) {
  return (void)fd, (void)path, 0;
}
int sd_is_socket(int fd, int family, int type, int listening) {
  return (void)fd, (void)family, (void)type, (void)listening, 0;
}
int sd_is_socket_inet(int fd, int family, int type, int listening, uint16_t port) {
  return (void)fd, (void)family, (void)type, (void)listening, (void)port, 0;
}
int sd_is_socket_unix(int fd, int type, int listening, const char* path, size_t length) {
  return (void)fd, (void)type, (void)listening, (void)path, (void)length, 0;
}
int sd_is_mq(int fd, const char* path) {
  return (void)fd, (void)path, 0;
}
int sd_notify(int unset_environment, const char* state) {
  return (void)unset_environment, (void)state, 1;
}
int sd_booted(void) {
  return 0;
}
int sd_watchdog_enabled(int unset_environment, uint64_t* usec) {
  *usec = 3000000;
  return (void)unset_environment, 1;
}
