// The built-in functions about this process: its descriptors, its watchdog, its identity.
#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "builtin-environment.h"
#include "builtin.h"
#include "system.h"

// The kernel headers of some distributions lack these. The number is the same on every processor.
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef PID_FS_MAGIC
#define PID_FS_MAGIC 0x50494446
#endif

namespace libsystemd {
namespace builtin {
namespace {

// --- Processes ---

// 1 for a descriptor of a file system that gives each process its own inode (Linux 6.9), 0 for any
// other, or -errno.
int IsOnPidfs(int fd) {
  struct statfs status;
  // The system call, because the C library may have another layout of the struct.
  const int result = OrErrno(syscall(SYS_fstatfs, fd, &status));
  return result < 0 ? result : status.f_type == PID_FS_MAGIC;
}

// The number that identifies a process; `pidfd` must be on pidfs.
int InodeId(int pidfd, uint64_t* id) {
  struct {
    unsigned size;
    int type;
    uint64_t id;
  } handle = {sizeof(handle.id), 0, 0};
  int mount = 0;
  if (syscall(SYS_name_to_handle_at, pidfd, "", &handle, &mount, AT_EMPTY_PATH) == 0) {
    *id = handle.id;
    return 0;
  }
  // The number of the inode is the same, where the kernel's numbers have 64 bits.
  if (sizeof(long) < sizeof(*id)) return -EOPNOTSUPP;
  struct statx status = {};
  const int result = Stat(pidfd, &status);
  *id = status.stx_ino;
  return result;
}

// The number of this process. 0, or -errno, which every kernel before 6.9 returns.
int OwnInodeId(uint64_t* id) {
  const int pidfd = OrErrno(syscall(SYS_pidfd_open, getpid(), 0));
  if (pidfd < 0) return pidfd;
  const int result = IsOnPidfs(pidfd) == 1 ? InodeId(pidfd, id) : -EOPNOTSUPP;
  close(pidfd);
  return result;
}

// --- Descriptors of the manager ---

constexpr int kFirstFd = 3;  // SD_LISTEN_FDS_START
constexpr char kListenVariables[] = "LISTEN_PID\0LISTEN_PIDFDID\0LISTEN_FDS\0LISTEN_FDNAMES\0";

// 1 when the descriptors are for this process, 0 when they are for another one or there are none.
int AreForThisProcess() {
  const char* pid = getenv("LISTEN_PID");
  if (!pid) return 0;
  if (const int result = IsOwnPid(pid); result <= 0) return result;
  const char* id = getenv("LISTEN_PIDFDID");
  return id ? IsOwnPidfdId(id) : 1;
}

int SetCloseOnExec(int fd) {
  const int flags = Fcntl(fd, F_GETFD, 0);
  if (flags < 0 || (flags & FD_CLOEXEC)) return flags < 0 ? flags : 0;
  return Fcntl(fd, F_SETFD, flags | FD_CLOEXEC);
}

int ListenFds() {
  if (const int result = AreForThisProcess(); result <= 0) return result;
  const char* count = getenv("LISTEN_FDS");
  if (!count) return 0;
  Number number;
  if (const int result = ReadNumber(count, '\0', LONG_MAX, &number); result < 0) return result;
  // First the limits of int, then those of descriptors.
  if (number.magnitude > uint64_t{INT_MAX} + number.is_negative) return -ERANGE;
  if (number.is_negative || number.magnitude == 0) return -EINVAL;
  const int fds = static_cast<int>(number.magnitude);
  if (fds > INT_MAX - kFirstFd) return -EINVAL;
  for (int fd = kFirstFd; fd < kFirstFd + fds; fd++) {
    if (const int result = SetCloseOnExec(fd); result < 0) return result;
  }
  return fds;
}

// The number of names in LISTEN_FDNAMES. A colon ends a name, unless a backslash is before it.
int CountNames(const char* text) {
  int count = 1;
  for (; *text; text++) {
    if (*text == ':') count++;
    if (*text == '\\' && !*++text) return -EINVAL;
  }
  return count;
}

// A copy of the first name, without its backslashes; nullptr without memory. Moves *text to the
// next name.
char* CopyName(const char** text) {
  char* const name = static_cast<char*>(malloc(strlen(*text) + 1));
  if (!name) return nullptr;
  char* end = name;
  for (; **text && **text != ':'; (*text)++) {
    if (**text == '\\') (*text)++;
    *end++ = **text;
  }
  *end = '\0';
  if (**text) (*text)++;
  return name;
}

// A NULL-terminated list of `count` names, or nullptr without memory.
char** CopyNames(const char* text, int count) {
  auto** names = static_cast<char**>(calloc(count + 1, sizeof(char*)));
  if (!names) return nullptr;
  for (int i = 0; i < count; i++) {
    names[i] = text ? CopyName(&text) : strdup("unknown");
    if (names[i]) continue;
    while (i > 0) free(names[--i]);
    free(names);
    return nullptr;
  }
  return names;
}

}  // namespace

int IsOwnPidfdId(const char* text) {
  uint64_t expected = 0, own = 0;
  const int result = ReadUnsigned(text, '\0', UINT64_MAX, &expected);
  return result < 0 ? result : OwnInodeId(&own) < 0 || own == expected;
}

int sd_listen_fds(int unset_environment) {
  const Unset unset = {unset_environment != 0, kListenVariables};
  return ListenFds();
}

int sd_listen_fds_with_names(int unset_environment, char*** names) {
  const Unset unset = {unset_environment != 0, kListenVariables};
  if (!names) return ListenFds();
  const char* text = getenv("LISTEN_FDNAMES");
  const int count = text ? CountNames(text) : 0;
  if (count < 0) return count;
  const int fds = ListenFds();
  if (fds <= 0) return fds;
  if (text && count != fds) return -EINVAL;
  *names = CopyNames(text, fds);
  return *names ? fds : -ENOMEM;
}

int sd_pidfd_get_inode_id(int pidfd, uint64_t* ret) {
  if (pidfd < 0) return -EBADF;
  uint64_t id = 0;
  int result = IsOnPidfs(pidfd);
  if (result <= 0) {
    // Either the descriptor is not a pidfd, or the kernel has no such numbers.
    return OwnInodeId(&id) < 0 ? -EOPNOTSUPP : -EBADF;
  }
  result = InodeId(pidfd, &id);
  if (result == 0 && ret) *ret = id;
  return result;
}

int sd_booted(void) {
  struct statx status;
  const int result = OrErrno(syscall(SYS_statx, AT_FDCWD, "/run/systemd/system/",
                                     AT_SYMLINK_NOFOLLOW, STATX_TYPE, &status));
  return result == -ENOENT ? 0 : result < 0 ? result : 1;
}

int sd_watchdog_enabled(int unset_environment, uint64_t* usec) {
  const Unset unset = {unset_environment != 0, "WATCHDOG_USEC\0WATCHDOG_PID\0"};
  const char* text = getenv("WATCHDOG_USEC");
  if (!text) return 0;
  uint64_t timeout = 0;
  if (const int result = ReadUnsigned(text, '\0', UINT64_MAX, &timeout); result < 0) return result;
  if (timeout == 0 || timeout == UINT64_MAX) return -EINVAL;
  const char* pid = getenv("WATCHDOG_PID");
  const int result = pid ? IsOwnPid(pid) : 1;
  if (result > 0 && usec) *usec = timeout;
  return result;
}

}  // namespace builtin
}  // namespace libsystemd
