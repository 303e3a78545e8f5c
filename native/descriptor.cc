// System calls on descriptors of any kind, which Node has no function for. Each returns the result
// of the system call, or -errno.
#include <sys/prctl.h>
#include <sys/wait.h>

#include "addon.h"
#include "held-fds.h"
#include "inspect.h"
#include "system.h"

// The kernel headers of some distributions lack these. The numbers are the same on every processor.
#ifndef F_ADD_SEALS
#define F_ADD_SEALS 1033
#define F_GET_SEALS 1034
#endif

namespace libsystemd {
namespace {

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

// int prctl(PR_SET_PTRACER, pid_t pid)
// Where Yama restricts ptrace(2) to a process's own children, its children may copy its descriptors
// from now on too: Yama allows what descends from the process that is named, which is this one.
// -EINVAL without Yama.
int LetChildrenCopy(Call&) {
  return OrErrno(prctl(PR_SET_PTRACER, getpid(), 0, 0, 0));
}

constexpr Function kFunctions[] = {
    {"inspect_fds", {kFd, kCount, kBuffer}, InspectFds},
    {"file_type", {kFd}, FileType},
    {"file_size", {kFd}, FileSize},
    {"pread", {kFd, kBuffer, kOffset}, ReadAt},
    {"pwrite", {kFd, kBuffer, kOffset}, WriteAt},
    {"close", {kFd}, CloseFd},
    {"release", {kFd}, ReleaseFd},
    {"dup", {kFd, kLowest}, Dup},
    {"memfd_create", {kName, kFlags}, MemfdCreate},
    {"add_seals", {kFd, kSeals}, AddSeals},
    {"get_seals", {kFd}, GetSeals},
    {"pipe", {}, Pipe},
    {"pid_getfd", {kPid, kFd}, PidGetFd},
    {"pid_getfd_kills", {}, PidGetFdKills},
    {"let_children_copy", {}, LetChildrenCopy},
};

}  // namespace

void ExportDescriptor(Napi::Object exports) {
  StartHolding(exports.Env());
  Export(exports, kFunctions);
}

}  // namespace libsystemd
