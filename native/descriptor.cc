// System calls on descriptors of any kind that Node has no function for. Each returns the system's
// answer, or -errno as libsystemd does.
#include <algorithm>
#include <climits>
#include <utility>

#include "addon.h"
#include "convert.h"
#include "system.h"

// Newer than the kernel headers of some distributions the add-on is built on; the numbers are the
// same on every processor.
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

// 0 when it is not open.
uint64_t InodeOf(int fd) {
  struct statx status;
  return Stat(fd, &status) < 0 ? 0 : status.stx_ino;
}

// The descriptors that a thread has from the calls below, and has neither closed nor released. A
// worker thread may be terminated at any moment, and no JavaScript runs then that would close them.
// The first of the list is none.
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

// Somebody else may have closed what had this number before.
void Hold(napi_env env, int fd) {
  if (fd < 0) return;
  Release(env, fd);
  HeldFd* first = Held(env);
  first->next = new HeldFd{fd, InodeOf(fd), first->next};
}

// A thread may also be terminated when Node has taken a descriptor, and closed it, and it was not
// released yet: then the number is another's.
void CloseHeld(napi_env, void* first, void*) {
  for (auto* held = static_cast<HeldFd*>(first); held;) {
    if (held->fd >= 0 && InodeOf(held->fd) == held->inode) close(held->fd);
    delete std::exchange(held, held->next);
  }
}

// A call's answer: -errno, or a descriptor, which is held.
Napi::Value HeldResult(const Napi::CallbackInfo& info, int fd) {
  Hold(info.Env(), fd);
  return Result(info, fd);
}

// int close(int fd)
// Of what was opened here: Deno's own refuses it, and Node's warns of it in worker threads.
Napi::Value Close(const Napi::CallbackInfo& info) {
  const int fd = ToFd(info[0]);
  Release(info.Env(), fd);
  return Result(info, OrErrno(close(fd)));
}

// No system call: who has taken the descriptor closes it.
Napi::Value ReleaseFd(const Napi::CallbackInfo& info) {
  Release(info.Env(), ToFd(info[0]));
  return Result(info, 0);
}

// int fstat(int fd, struct stat *statbuf), of which the file type in st_mode
Napi::Value FileType(const Napi::CallbackInfo& info) {
  struct statx status = {};
  const int result = Stat(ToFd(info[0]), &status);
  return Result(info, result < 0 ? result : status.stx_mode & S_IFMT);
}

// int fstat(int fd, struct stat *statbuf), of which st_size
Napi::Value FileSize(const Napi::CallbackInfo& info) {
  struct statx status = {};
  const int result = Stat(ToFd(info[0]), &status);
  const double size = result < 0 ? 0 : static_cast<double>(status.stx_size);
  return Result(info, result, {Napi::Number::New(info.Env(), size)});
}

// Of at most what fits the result; the kernel moves no more at once either.
Napi::Value MoveAt(const Napi::CallbackInfo& info,
                   ssize_t (*call)(int fd, void* buf, size_t count, off_t offset)) {
  constexpr double kLargestExact = 9007199254740991;  // Number.MAX_SAFE_INTEGER
  const int fd = ToFd(info[0]);
  Napi::Uint8Array buffer = ToBuffer(info[1], "buffer");
  const auto offset = static_cast<off_t>(ToIntegerBetween(info[2], "offset", 0, kLargestExact));
  const size_t count = std::min<size_t>(buffer.ByteLength(), INT_MAX);
  return Result(info, OrErrno(call(fd, buffer.Data(), count, offset)));
}

// ssize_t pread(int fd, void buf[], size_t count, off_t offset), where buf knows its count
Napi::Value ReadAt(const Napi::CallbackInfo& info) {
  return MoveAt(info, pread);
}

// ssize_t pwrite(int fd, const void buf[], size_t count, off_t offset), where buf knows its count
Napi::Value WriteAt(const Napi::CallbackInfo& info) {
  return MoveAt(info, [](int fd, void* buffer, size_t count, off_t offset) {
    return pwrite(fd, buffer, count, offset);
  });
}

// Is it a POSIX message queue? To fstat(2) that is a regular file; only its own call knows.
// The system call, because mq_getattr(3) is in a library of its own before glibc 2.34.
Napi::Value IsQueue(const Napi::CallbackInfo& info) {
  const int fd = ToFd(info[0]);
  return Result(info, syscall(SYS_mq_getsetattr, fd, nullptr, nullptr) == 0);
}

#ifdef SYS_fcntl
constexpr long kFcntl = SYS_fcntl;
#else
constexpr long kFcntl = SYS_fcntl64;
#endif

// The system call, because glibc's fcntl is bound to glibc 2.28.
int Fcntl(int fd, int command, int argument) {
  return OrErrno(syscall(kFcntl, fd, command, argument));
}

// int fcntl(int fd, F_DUPFD_CLOEXEC, int lowest)
Napi::Value Dup(const Napi::CallbackInfo& info) {
  const int fd = ToFd(info[0]);
  return HeldResult(info, Fcntl(fd, F_DUPFD_CLOEXEC, ToFd(info[1], "lowest")));
}

// int fcntl(int fd, F_ADD_SEALS, int seals)
Napi::Value AddSeals(const Napi::CallbackInfo& info) {
  const int fd = ToFd(info[0]);
  return Result(info, Fcntl(fd, F_ADD_SEALS, ToInteger(info[1], "seals")));
}

// int fcntl(int fd, F_GET_SEALS)
Napi::Value GetSeals(const Napi::CallbackInfo& info) {
  return Result(info, Fcntl(ToFd(info[0]), F_GET_SEALS, 0));
}

// int memfd_create(const char *name, unsigned int flags)
// The system call, because glibc has it from 2.27 on.
Napi::Value MemfdCreate(const Napi::CallbackInfo& info) {
  const std::string name = ToString(info[0], "name");
  const int flags = ToInteger(info[1], "flags");
  return HeldResult(info, OrErrno(syscall(SYS_memfd_create, name.c_str(), flags)));
}

// int getdtablesize(void)
Napi::Value GetTableSize(const Napi::CallbackInfo& info) {
  return Result(info, getdtablesize());
}

// int pipe2(int pipefd[2], O_CLOEXEC)
Napi::Value Pipe(const Napi::CallbackInfo& info) {
  int ends[2] = {-1, -1};
  const int result = OrErrno(pipe2(ends, O_CLOEXEC));
  for (const int end : ends) Hold(info.Env(), end);
  return Result(info, result,
                {Napi::Number::New(info.Env(), ends[0]), Napi::Number::New(info.Env(), ends[1])});
}

int CopyFrom(pid_t pid, int fd) {
  const int process = OrErrno(syscall(SYS_pidfd_open, pid, 0));
  if (process < 0) return process;
  const int copy = OrErrno(syscall(SYS_pidfd_getfd, process, fd, 0));
  close(process);
  return copy;
}

// int pidfd_getfd(int pidfd, int targetfd, unsigned int flags), of the process with this pid
Napi::Value PidGetFd(const Napi::CallbackInfo& info) {
  const auto pid = ToInteger<pid_t>(info[0], "pid");
  return HeldResult(info, CopyFrom(pid, ToFd(info[1])));
}

}  // namespace

void ExportDescriptor(Napi::Object exports) {
  napi_set_instance_data(exports.Env(), new HeldFd, CloseHeld, nullptr);
  Export(exports, {
                      {"file_type", FileType},
                      {"file_size", FileSize},
                      {"is_mq", IsQueue},
                      {"pread", ReadAt},
                      {"pwrite", WriteAt},
                      {"close", Close},
                      {"release", ReleaseFd},
                      {"dup", Dup},
                      {"getdtablesize", GetTableSize},
                      {"memfd_create", MemfdCreate},
                      {"add_seals", AddSeals},
                      {"get_seals", GetSeals},
                      {"pipe", Pipe},
                      {"pid_getfd", PidGetFd},
                  });
}

}  // namespace libsystemd
