// Runs a program for which the kernel refuses a system call, as the filters of container engines
// and of SystemCallFilter= do.
//
//   refuse CALL ERROR -- PROGRAM ARG...
//
// CALL is in the table below. ERROR is EPERM, ENOSYS, ENOPROTOOPT, or `kill`, which ends the
// process that makes the call.

#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

struct word {
  const char* text;
  unsigned value;
};

static const struct word calls[] = {
    {"pidfd_getfd", SYS_pidfd_getfd},
    {"socket", SYS_socket},
    {"getsockopt of SO_PEERPIDFD", SYS_getsockopt},
    {NULL, 0},
};

enum { kPeerPidfd = 77, kOptnameArgument = 2 };

static const struct word errors[] = {
    {"EPERM", SECCOMP_RET_ERRNO | EPERM},
    {"ENOSYS", SECCOMP_RET_ERRNO | ENOSYS},
    {"ENOPROTOOPT", SECCOMP_RET_ERRNO | ENOPROTOOPT},
    {"kill", SECCOMP_RET_KILL_PROCESS},
    {NULL, 0},
};

static unsigned find(const struct word* words, const char* text) {
  for (; words->text; words++) {
    if (strcmp(words->text, text) == 0) return words->value;
  }
  errx(1, "%s: not in the table", text);
}

int main(int argc, char** argv) {
  if (argc < 5 || strcmp(argv[3], "--") != 0) errx(1, "usage: refuse CALL ERROR -- PROGRAM ARG...");
  const unsigned call = find(calls, argv[1]);
  struct sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 3),
      // The low half of the argument, which little-endian processors have first.
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[kOptnameArgument])),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kPeerPidfd, 0, call == SYS_getsockopt ? 1 : 0),
      BPF_STMT(BPF_RET | BPF_K, find(errors, argv[2])),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const struct sock_fprog program = {sizeof filter / sizeof *filter, filter};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) err(1, "PR_SET_NO_NEW_PRIVS");
  if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0) err(1, "PR_SET_SECCOMP");
  execvp(argv[4], argv + 4);
  err(1, "%s", argv[4]);
}
