// System calls on descriptors of any kind, which Node has no function for. Each returns the result
// of the system call, or -errno.
#include <sys/prctl.h>
#include <sys/wait.h>

#include <new>
#include <utility>

#include "addon.h"
#include "system.h"

// The kernel headers of some distributions lack these. The numbers are the same on every processor.
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd 438
#endif
#ifndef F_ADD_SEALS
#define F_ADD_SEALS 1033
#define F_GET_SEALS 1034
#endif

namespace libsystemd {
namespace {

// The inode number; 0 when the descriptor is not open.
uint64_t InodeOf(int fd) {
  struct statx status;
  return Stat(fd, &status) < 0 ? 0 : status.stx_ino;
}

// A list of the descriptors that a thread has opened by the calls below, and has neither closed nor
// released. They are closed at the thread's end, because a worker thread may be terminated at any
// moment, and then no JavaScript runs that would close them. The first element holds no descriptor.
struct HeldFd {
  int fd = -1;
  uint64_t inode = 0;
  HeldFd* next = nullptr;
};

HeldFd* Held(napi_env env) {
  void* first = nullptr;
  napi_get_instance_data(env, &first);
  return static_cast<HeldFd*>(first);
}

void Release(napi_env env, int fd) {
  for (HeldFd* before = Held(env); before->next; before = before->next) {
    if (before->next->fd != fd) continue;
    delete std::exchange(before->next, before->next->next);
    return;
  }
}

// Adds a descriptor to the thread's list. An older element with the number is removed: other code
// has closed its descriptor. Without memory the descriptor is not added.
void Hold(napi_env env, int fd) {
  if (fd < 0) return;
  Release(env, fd);
  HeldFd* first = Held(env);
  auto* held = new (std::nothrow) HeldFd{fd, InodeOf(fd), first->next};
  if (held) first->next = held;
}

// Runs at the end of a thread. The inode is compared, because the number may belong to another
// descriptor by now: the thread may have been terminated after Node took the descriptor and closed
// it, and before the descriptor was released.
void CloseHeld(napi_env, void* first, void*) {
  for (auto* held = static_cast<HeldFd*>(first); held;) {
    if (held->fd >= 0 && InodeOf(held->fd) == held->inode) close(held->fd);
    delete std::exchange(held, held->next);
  }
}

// Returns a result, and adds it to the thread's list when it is a descriptor and not -errno.
int HeldResult(const Call& call, int fd) {
  Hold(call.Env(), fd);
  return fd;
}

// int close(int fd)
// For descriptors that were opened by this file: fs.closeSync() refuses them in Deno, and warns
// about them in worker threads of Node.
int Close(Call& call) {
  Release(call.Env(), call.Int(0));
  return OrErrno(close(call.Int(0)));
}

// Removes a descriptor from the thread's list without closing it: its new owner closes it.
int ReleaseFd(Call& call) {
  Release(call.Env(), call.Int(0));
  return 0;
}

// int fstat(int fd, struct stat *statbuf)
// Returns the file type of st_mode.
int FileType(Call& call) {
  struct statx status = {};
  const int result = Stat(call.Int(0), &status);
  return result < 0 ? result : status.stx_mode & S_IFMT;
}

// int fstat(int fd, struct stat *statbuf)
// The out-parameter is st_size.
int FileSize(Call& call) {
  struct statx status = {};
  const int result = Stat(call.Int(0), &status);
  call.OutNumber(result < 0 ? 0 : static_cast<double>(status.stx_size));
  return result;
}

// ssize_t pread(int fd, void buf[], size_t count, off_t offset)
// count is the length of the Uint8Array.
int ReadAt(Call& call) {
  return OrErrno(pread(call.Int(0), call.Data(1), call.IntLength(1), call.Int64(2)));
}

// ssize_t pwrite(int fd, const void buf[], size_t count, off_t offset)
// count is the length of the Uint8Array.
int WriteAt(Call& call) {
  return OrErrno(pwrite(call.Int(0), call.Data(1), call.IntLength(1), call.Int64(2)));
}

// 1 for a POSIX message queue, 0 for anything else. fstat(2) reports a queue as a regular file, so
// this calls a function for queues. It is the system call, because before glibc 2.34 mq_getattr(3)
// is in a separate library.
int IsQueue(Call& call) {
  return syscall(SYS_mq_getsetattr, call.Int(0), nullptr, nullptr) == 0;
}

// int fcntl(int fd, F_DUPFD_CLOEXEC, int lowest)
int Dup(Call& call) {
  return HeldResult(call, Fcntl(call.Int(0), F_DUPFD_CLOEXEC, call.Int(1)));
}

// int fcntl(int fd, F_ADD_SEALS, int seals)
int AddSeals(Call& call) {
  return Fcntl(call.Int(0), F_ADD_SEALS, call.Int(1));
}

// int fcntl(int fd, F_GET_SEALS)
int GetSeals(Call& call) {
  return Fcntl(call.Int(0), F_GET_SEALS, 0);
}

// int memfd_create(const char *name, unsigned int flags)
// The system call, because glibc has memfd_create() only from 2.27 on.
int MemfdCreate(Call& call) {
  return HeldResult(call, OrErrno(syscall(SYS_memfd_create, call.Text(0), call.Int(1))));
}

// int pipe2(int pipefd[2], O_CLOEXEC)
int Pipe(Call& call) {
  int ends[2] = {-1, -1};
  const int result = OrErrno(pipe2(ends, O_CLOEXEC));
  for (const int end : ends) {
    Hold(call.Env(), end);
    call.OutNumber(end);
  }
  return result;
}

// A copy of another process's descriptor, or -errno.
int CopyFrom(pid_t pid, int fd) {
  const int process = OrErrno(syscall(SYS_pidfd_open, pid, 0));
  if (process < 0) return process;
  const int copy = OrErrno(syscall(SYS_pidfd_getfd, process, fd, 0));
  close(process);
  return copy;
}

// int pidfd_getfd(int pidfd, int targetfd, unsigned int flags)
// JavaScript passes a pid instead of the pidfd.
int PidGetFd(Call& call) {
  return HeldResult(call, CopyFrom(call.Int(0), call.Int(1)));
}

// 1 when a system call filter (seccomp(2), SystemCallFilter=) kills a process that calls
// PidGetFd(), 0 when none does, -errno when fork(2) or waitpid(2) fails. A child process makes the
// call, so that only the child is killed.
int PidGetFdKills(Call&) {
  const pid_t child = fork();
  if (child < 0) return -errno;
  if (child == 0) {
    prctl(PR_SET_DUMPABLE, 0);  // No core file: a killed child is no crash.
    CopyFrom(getpid(), STDIN_FILENO);
    _exit(0);
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) return -errno;
  }
  return WIFSIGNALED(status) ? 1 : 0;
}

constexpr Function kFunctions[] = {
    {"file_type", {kFd}, FileType},
    {"file_size", {kFd}, FileSize},
    {"is_mq", {kFd}, IsQueue},
    {"pread", {kFd, kBuffer, kOffset}, ReadAt},
    {"pwrite", {kFd, kBuffer, kOffset}, WriteAt},
    {"close", {kFd}, Close},
    {"release", {kFd}, ReleaseFd},
    {"dup", {kFd, kLowest}, Dup},
    {"memfd_create", {kName, kFlags}, MemfdCreate},
    {"add_seals", {kFd, kSeals}, AddSeals},
    {"get_seals", {kFd}, GetSeals},
    {"pipe", {}, Pipe},
    {"pid_getfd", {kPid, kFd}, PidGetFd},
    {"pid_getfd_kills", {}, PidGetFdKills},
};

}  // namespace

void ExportDescriptor(Napi::Object exports) {
  napi_set_instance_data(exports.Env(), new HeldFd, CloseHeld, nullptr);
  Export(exports, kFunctions);
}

}  // namespace libsystemd
