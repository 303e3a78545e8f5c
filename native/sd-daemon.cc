// sd-daemon.h, one function a C function: read the arguments, call, return the int.
#include <cstdlib>
#include <memory>

#include "addon.h"
#include "convert.h"
#include "libsystemd.h"

namespace libsystemd {
namespace {

constexpr char kAbstractAdvice[] = "; an abstract name goes as a Uint8Array with its leading null";

// A NULL-terminated list of strings that libsystemd allocated.
struct FreeStrings {
  void operator()(char** strings) const {
    for (char** string = strings; *string; string++) free(*string);
    free(strings);
  }
};

// int sd_listen_fds(int unset_environment)
Napi::Value ListenFds(const Napi::CallbackInfo& info) {
  return Result(info, Libsystemd().sd_listen_fds(ToBool(info[0], "unset_environment")));
}

// int sd_listen_fds_with_names(int unset_environment, char ***names)
Napi::Value ListenFdsWithNames(const Napi::CallbackInfo& info) {
  char** strings = nullptr;
  const int result =
      Libsystemd().sd_listen_fds_with_names(ToBool(info[0], "unset_environment"), &strings);
  const std::unique_ptr<char*, FreeStrings> owner(strings);
  Napi::Array names = Napi::Array::New(info.Env());
  for (int i = 0; i < result; i++) names.Set(i, Napi::String::New(info.Env(), strings[i]));
  return Result(info, result, {names});
}

// The checks that take a path, or NULL.
Napi::Value CheckPath(const Napi::CallbackInfo& info, int (*check)(int fd, const char* path)) {
  const int fd = ToFd(info[0]);
  const auto path = ToOptionalString(info[1], "path");
  return Result(info, check(fd, CStr(path)));
}

// int sd_is_fifo(int fd, const char *path)
Napi::Value IsFifo(const Napi::CallbackInfo& info) {
  return CheckPath(info, Libsystemd().sd_is_fifo);
}

// int sd_is_special(int fd, const char *path)
Napi::Value IsSpecial(const Napi::CallbackInfo& info) {
  return CheckPath(info, Libsystemd().sd_is_special);
}

// The arguments that these two begin with.
struct SocketArguments {
  explicit SocketArguments(const Napi::CallbackInfo& info)
      : fd(ToFd(info[0])),
        family(ToInteger(info[1], "family")),
        type(ToInteger(info[2], "type")),
        listening(ToInteger(info[3], "listening")) {}
  int fd, family, type, listening;
};

// int sd_is_socket(int fd, int family, int type, int listening)
Napi::Value IsSocket(const Napi::CallbackInfo& info) {
  const auto [fd, family, type, listening] = SocketArguments(info);
  return Result(info, Libsystemd().sd_is_socket(fd, family, type, listening));
}

// int sd_is_socket_inet(int fd, int family, int type, int listening, uint16_t port)
Napi::Value IsSocketInet(const Napi::CallbackInfo& info) {
  const auto [fd, family, type, listening] = SocketArguments(info);
  const auto port = ToInteger<uint16_t>(info[4], "port");
  return Result(info, Libsystemd().sd_is_socket_inet(fd, family, type, listening, port));
}

// int sd_is_socket_sockaddr(int fd, int type, const struct sockaddr *addr, unsigned addr_len,
//                           int listening)
// The address comes as the bytes of its struct; addr_len is their number.
Napi::Value IsSocketSockaddr(const Napi::CallbackInfo& info) {
  const int fd = ToFd(info[0]);
  const int type = ToInteger(info[1], "type");
  const std::string bytes = ToBytes(info[2], "addr");
  const int listening = ToInteger(info[3], "listening");
  const auto* addr = reinterpret_cast<const struct sockaddr*>(bytes.data());
  return Result(info, Libsystemd().sd_is_socket_sockaddr(fd, type, addr, bytes.size(), listening));
}

// int sd_is_socket_unix(int fd, int type, int listening, const char *path, size_t length)
// A string goes with length 0 (C's strlen), bytes go with their exact length.
Napi::Value IsSocketUnix(const Napi::CallbackInfo& info) {
  const int fd = ToFd(info[0]);
  const int type = ToInteger(info[1], "type");
  const int listening = ToInteger(info[2], "listening");
  if (IsBytes(info[3])) {
    const std::string path = ToBytes(info[3], "path");
    return Result(info,
                  Libsystemd().sd_is_socket_unix(fd, type, listening, path.c_str(), path.size()));
  }
  const auto path = ToOptionalString(info[3], "path", kAbstractAdvice);
  return Result(info, Libsystemd().sd_is_socket_unix(fd, type, listening, CStr(path), 0));
}

// int sd_is_mq(int fd, const char *path)
Napi::Value IsMq(const Napi::CallbackInfo& info) {
  return CheckPath(info, Libsystemd().sd_is_mq);
}

// int sd_notify(int unset_environment, const char *state)
Napi::Value Notify(const Napi::CallbackInfo& info) {
  const bool unset_environment = ToBool(info[0], "unset_environment");
  const std::string state = ToString(info[1], "state");
  return Result(info, Libsystemd().sd_notify(unset_environment, state.c_str()));
}

// int sd_pid_notify(pid_t pid, int unset_environment, const char *state)
Napi::Value PidNotify(const Napi::CallbackInfo& info) {
  const auto pid = ToInteger<pid_t>(info[0], "pid");
  const bool unset_environment = ToBool(info[1], "unset_environment");
  const std::string state = ToString(info[2], "state");
  return Result(info, Libsystemd().sd_pid_notify(pid, unset_environment, state.c_str()));
}

// int sd_pid_notify_with_fds(pid_t pid, int unset_environment, const char *state, const int *fds,
//                            unsigned n_fds)
Napi::Value PidNotifyWithFds(const Napi::CallbackInfo& info) {
  const auto pid = ToInteger<pid_t>(info[0], "pid");
  const bool unset_environment = ToBool(info[1], "unset_environment");
  const std::string state = ToString(info[2], "state");
  const std::vector<int> fds = ToFds(info[3], "fds");
  return Result(info, Libsystemd().sd_pid_notify_with_fds(pid, unset_environment, state.c_str(),
                                                          fds.data(), fds.size()));
}

// int sd_notify_barrier(int unset_environment, uint64_t timeout)
Napi::Value NotifyBarrier(const Napi::CallbackInfo& info) {
  const bool unset_environment = ToBool(info[0], "unset_environment");
  const uint64_t timeout = ToUint64(info[1], "timeout_usec");
  return Result(info, Libsystemd().sd_notify_barrier(unset_environment, timeout));
}

// int sd_pid_notify_barrier(pid_t pid, int unset_environment, uint64_t timeout)
Napi::Value PidNotifyBarrier(const Napi::CallbackInfo& info) {
  const auto pid = ToInteger<pid_t>(info[0], "pid");
  const bool unset_environment = ToBool(info[1], "unset_environment");
  const uint64_t timeout = ToUint64(info[2], "timeout_usec");
  return Result(info, Libsystemd().sd_pid_notify_barrier(pid, unset_environment, timeout));
}

// int sd_pidfd_get_inode_id(int pidfd, uint64_t *ret)
Napi::Value PidfdGetInodeId(const Napi::CallbackInfo& info) {
  uint64_t ret = 0;
  const int result = Libsystemd().sd_pidfd_get_inode_id(ToFd(info[0], "pidfd"), &ret);
  return Result(info, result, {Napi::BigInt::New(info.Env(), ret)});
}

// int sd_booted(void)
Napi::Value Booted(const Napi::CallbackInfo& info) {
  return Result(info, Libsystemd().sd_booted());
}

// int sd_watchdog_enabled(int unset_environment, uint64_t *usec)
Napi::Value WatchdogEnabled(const Napi::CallbackInfo& info) {
  uint64_t usec = 0;
  const int result = Libsystemd().sd_watchdog_enabled(ToBool(info[0], "unset_environment"), &usec);
  return Result(info, result, {Napi::BigInt::New(info.Env(), usec)});
}

// Why a function above answers -ENOSYS: the loader's words, or undefined when it is there.
Napi::Value MissingFunction(const Napi::CallbackInfo& info) {
  const auto reason = Missing(ToString(info[0], "function").c_str());
  return reason ? Napi::String::New(info.Env(), *reason) : info.Env().Undefined();
}

}  // namespace

void ExportSdDaemon(Napi::Object exports) {
  Export(exports, {
                      {"sd_listen_fds", ListenFds},
                      {"sd_listen_fds_with_names", ListenFdsWithNames},
                      {"sd_is_fifo", IsFifo},
                      {"sd_is_special", IsSpecial},
                      {"sd_is_socket", IsSocket},
                      {"sd_is_socket_inet", IsSocketInet},
                      {"sd_is_socket_sockaddr", IsSocketSockaddr},
                      {"sd_is_socket_unix", IsSocketUnix},
                      {"sd_is_mq", IsMq},
                      {"sd_notify", Notify},
                      {"sd_pid_notify", PidNotify},
                      {"sd_pid_notify_with_fds", PidNotifyWithFds},
                      {"sd_notify_barrier", NotifyBarrier},
                      {"sd_pid_notify_barrier", PidNotifyBarrier},
                      {"sd_pidfd_get_inode_id", PidfdGetInodeId},
                      {"sd_booted", Booted},
                      {"sd_watchdog_enabled", WatchdogEnabled},
                      {"missing", MissingFunction},
                  });
}

}  // namespace libsystemd
