// System calls on descriptors, processes and memory, which Node has no function for. Each returns
// the result of the system call, or -errno.
#include <dlfcn.h>
#include <linux/kcmp.h>
#include <sys/stat.h>

#include "../held-fds.h"
#include "../system.h"
#include "addon.h"

namespace libsystemd {
namespace {

// int fcntl(int fd, F_SETFL, int flags)
// Sets or clears O_NONBLOCK. The flag belongs to the open file, so whoever has inherited the
// descriptor sees the change too.
int SetNonBlocking(Call& call) {
  const int flags = Fcntl(call.Int(0), F_GETFL, 0);
  if (flags < 0) return flags;
  const int wanted = call.Int(1) ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
  return wanted == flags ? 0 : Fcntl(call.Int(0), F_SETFL, wanted);
}

// int fcntl(int fd, F_SETPIPE_SZ, int size)
int SetPipeSize(Call& call) {
  return Fcntl(call.Int(0), F_SETPIPE_SZ, call.Int(1));
}

// int fchmod(int fd, mode_t mode)
// Node's fs.fchmodSync() is no help, because in Deno its descriptors are other numbers.
int ChangeMode(Call& call) {
  return OrErrno(fchmod(call.Int(0), call.Int(1)));
}

// Compares two files as the manager does where kcmp(2) is forbidden: by type, device, inode and
// flags. Two devices are never the same, because each open of one may be a device of its own.
int LooksSame(int a, int b) {
  struct statx first = {}, second = {};
  if (const int result = Stat(a, &first); result < 0) return result;
  if (const int result = Stat(b, &second); result < 0) return result;
  const int type = first.stx_mode & S_IFMT;
  if (type != (second.stx_mode & S_IFMT) || type == S_IFCHR || type == S_IFBLK) return 0;
  const bool is_same_inode = first.stx_ino == second.stx_ino &&
                             first.stx_dev_major == second.stx_dev_major &&
                             first.stx_dev_minor == second.stx_dev_minor;
  return is_same_inode && Fcntl(a, F_GETFL, 0) == Fcntl(b, F_GETFL, 0);
}

// int kcmp(pid_t pid1, pid_t pid2, KCMP_FILE, unsigned long fd1, unsigned long fd2)
// 1 when both descriptors are one open file, as after dup(2); 0 when they are two.
int IsSameFile(Call& call) {
  const int a = call.Int(0), b = call.Int(1);
  const int order = OrErrno(syscall(SYS_kcmp, getpid(), getpid(), KCMP_FILE, a, b));
  if (order >= 0) return order == 0;
  const bool is_forbidden = order == -ENOSYS || order == -EPERM || order == -EACCES;
  return is_forbidden ? LooksSame(a, b) : order;
}

// 0 for a descriptor of this add-on on which no call waits. -EBADF when the number belongs to
// another file, because other code has closed the descriptor; -EINVAL without O_NONBLOCK.
int CheckOwn(const Call& call) {
  if (!IsHeld(call.Env(), call.Int(0))) return -EBADF;
  return Fcntl(call.Int(0), F_GETFL, 0) & O_NONBLOCK ? 0 : -EINVAL;
}

// ssize_t read(int fd, void* buf, size_t count)
int Read(Call& call) {
  if (const int result = CheckOwn(call); result < 0) return result;
  return OrErrno(read(call.Int(0), call.Data(1), call.IntLength(1)));
}

// ssize_t write(int fd, const void* buf, size_t count)
int Write(Call& call) {
  if (const int result = CheckOwn(call); result < 0) return result;
  return OrErrno(write(call.Int(0), call.Data(1), call.IntLength(1)));
}

// Closes a descriptor of this add-on, unless other code has done so: its number may belong to
// another file by now.
int CloseHeldFd(Call& call) {
  return IsHeld(call.Env(), call.Int(0)) ? CloseFd(call) : ReleaseFd(call);
}

// int pidfd_open(pid_t pid, unsigned int flags)
int PidfdOpen(Call& call) {
  return HeldResult(call, OrErrno(syscall(SYS_pidfd_open, call.Int(0), 0)));
}

// int malloc_trim(size_t pad)
// 1 when memory went back to the system, 0 when there was none to give back. -ENOSYS in musl, which
// has no such function.
int MallocTrim(Call&) {
  const auto trim = reinterpret_cast<int (*)(size_t)>(dlsym(RTLD_DEFAULT, "malloc_trim"));
  return trim ? trim(0) : -ENOSYS;
}

constexpr Function kFunctions[] = {
    {"set_nonblocking", {kFd, kNonBlocking}, SetNonBlocking},
    {"set_pipe_size", {kFd, kSize}, SetPipeSize},
    {"fchmod", {kFd, kMode}, ChangeMode},
    {"is_same_file", {kFd, kOtherFd}, IsSameFile},
    {"pidfd_open", {kPid}, PidfdOpen},
    {"read", {kFd, kBuffer}, Read},
    {"write", {kFd, kBytesToWrite}, Write},
    {"malloc_trim", {}, MallocTrim},
    {"close", {kFd}, CloseFd},
    {"close_held", {kFd}, CloseHeldFd},
};

}  // namespace

void ExportDescriptors(Napi::Object exports) {
  Export(exports, kFunctions);
}

}  // namespace libsystemd
