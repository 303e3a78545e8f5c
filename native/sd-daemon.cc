// The functions of sd-daemon.h. Each passes its arguments to the C function, of libsystemd or built
// in, and returns the C int.
#include <cstdlib>

#include "addon.h"
#include "builtin.h"
#include "libsystemd.h"

namespace libsystemd {
namespace {

const Functions& Sd() {
  return Libsystemd().functions;
}

// Frees a NULL-terminated list of strings that the C function allocated.
void FreeStrings(char** strings) {
  for (char** string = strings; string && *string; string++) free(*string);
  free(strings);
}

// int sd_listen_fds(int unset_environment)
int ListenFds(Call& call) {
  return Sd().sd_listen_fds(call.Int(0));
}

// int sd_listen_fds_with_names(int unset_environment, char ***names)
int ListenFdsWithNames(Call& call) {
  char** names = nullptr;
  const int result = Sd().sd_listen_fds_with_names(call.Int(0), &names);
  call.OutTexts(names, result);
  FreeStrings(names);
  return result;
}

// int sd_is_fifo(int fd, const char *path)
int IsFifo(Call& call) {
  return Sd().sd_is_fifo(call.Int(0), call.Text(1));
}

// int sd_is_special(int fd, const char *path)
int IsSpecial(Call& call) {
  return Sd().sd_is_special(call.Int(0), call.Text(1));
}

// int sd_is_socket(int fd, int family, int type, int listening)
int IsSocket(Call& call) {
  return Sd().sd_is_socket(call.Int(0), call.Int(1), call.Int(2), call.Int(3));
}

// int sd_is_socket_inet(int fd, int family, int type, int listening, uint16_t port)
int IsSocketInet(Call& call) {
  return Sd().sd_is_socket_inet(call.Int(0), call.Int(1), call.Int(2), call.Int(3), call.Int(4));
}

// int sd_is_socket_sockaddr(int fd, int type, const struct sockaddr *addr, unsigned addr_len,
//                           int listening)
// JavaScript passes the bytes of the struct. addr_len is the number of bytes.
int IsSocketSockaddr(Call& call) {
  const auto* addr = static_cast<const struct sockaddr*>(call.Data(2));
  return Sd().sd_is_socket_sockaddr(call.Int(0), call.Int(1), addr, call.IntLength(2), call.Int(3));
}

// int sd_is_socket_unix(int fd, int type, int listening, const char *path, size_t length)
// For a string length is 0, so libsystemd calls strlen(3). For bytes length is their number.
int IsSocketUnix(Call& call) {
  return Sd().sd_is_socket_unix(call.Int(0), call.Int(1), call.Int(2), call.Text(3),
                                call.Length(3));
}

// int sd_is_mq(int fd, const char *path)
int IsMq(Call& call) {
  return Sd().sd_is_mq(call.Int(0), call.Text(1));
}

// int sd_notify(int unset_environment, const char *state)
int Notify(Call& call) {
  return Sd().sd_notify(call.Int(0), call.Text(1));
}

// int sd_pid_notify(pid_t pid, int unset_environment, const char *state)
int PidNotify(Call& call) {
  return Sd().sd_pid_notify(call.Int(0), call.Int(1), call.Text(2));
}

// int sd_pid_notify_with_fds(pid_t pid, int unset_environment, const char *state, const int *fds,
//                            unsigned n_fds)
int PidNotifyWithFds(Call& call) {
  return Sd().sd_pid_notify_with_fds(call.Int(0), call.Int(1), call.Text(2), call.Ints(3),
                                     call.Length(3));
}

// int sd_notify_barrier(int unset_environment, uint64_t timeout)
int NotifyBarrier(Call& call) {
  return Sd().sd_notify_barrier(call.Int(0), call.Int64(1));
}

// int sd_pid_notify_barrier(pid_t pid, int unset_environment, uint64_t timeout)
int PidNotifyBarrier(Call& call) {
  return Sd().sd_pid_notify_barrier(call.Int(0), call.Int(1), call.Int64(2));
}

// int sd_pidfd_get_inode_id(int pidfd, uint64_t *ret)
int PidfdGetInodeId(Call& call) {
  uint64_t ret = 0;
  const int result = Sd().sd_pidfd_get_inode_id(call.Int(0), &ret);
  call.OutBigInt(ret);
  return result;
}

// int sd_booted(void)
int Booted(Call&) {
  return Sd().sd_booted();
}

// int sd_watchdog_enabled(int unset_environment, uint64_t *usec)
int WatchdogEnabled(Call& call) {
  uint64_t usec = 0;
  const int result = Sd().sd_watchdog_enabled(call.Int(0), &usec);
  call.OutBigInt(usec);
  return result;
}

// The file name of the library, undefined without one, and the names of the functions that are
// built in.
int GetImplementation(Call& call) {
  const Implementation& table = Libsystemd();
  call.OutText(table.library);
  call.OutTexts(table.builtin, table.builtin_count);
  return 0;
}

int IsOwnPidfdId(Call& call) {
  return builtin::IsOwnPidfdId(call.Text(0));
}

constexpr Function kFunctions[] = {
    {"sd_listen_fds", {kUnsetEnvironment}, ListenFds},
    {"sd_listen_fds_with_names", {kUnsetEnvironment}, ListenFdsWithNames},
    {"sd_is_fifo", {kFd, kPath}, IsFifo},
    {"sd_is_special", {kFd, kPath}, IsSpecial},
    {"sd_is_socket", {kFd, kFamily, kType, kListening}, IsSocket},
    {"sd_is_socket_inet", {kFd, kFamily, kType, kListening, kPort}, IsSocketInet},
    {"sd_is_socket_sockaddr", {kFd, kType, kAddr, kListening}, IsSocketSockaddr},
    {"sd_is_socket_unix", {kFd, kType, kListening, kUnixPath}, IsSocketUnix},
    {"sd_is_mq", {kFd, kPath}, IsMq},
    {"sd_notify", {kUnsetEnvironment, kState}, Notify},
    {"sd_pid_notify", {kPid, kUnsetEnvironment, kState}, PidNotify},
    {"sd_pid_notify_with_fds", {kPid, kUnsetEnvironment, kState, kFds}, PidNotifyWithFds},
    {"sd_notify_barrier", {kUnsetEnvironment, kTimeout}, NotifyBarrier},
    {"sd_pid_notify_barrier", {kPid, kUnsetEnvironment, kTimeout}, PidNotifyBarrier},
    {"sd_pidfd_get_inode_id", {kPidfd}, PidfdGetInodeId},
    {"sd_booted", {}, Booted},
    {"sd_watchdog_enabled", {kUnsetEnvironment}, WatchdogEnabled},
    {"implementation", {}, GetImplementation},
    {"is_own_pidfdid", {kPidfdId}, IsOwnPidfdId},
};

}  // namespace

void ExportSdDaemon(Napi::Object exports) {
  Export(exports, kFunctions);
}

}  // namespace libsystemd
