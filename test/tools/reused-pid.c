// A client of a Unix socket that has ended, and whose pid another process has got.
//
//   reused-pid PATH CGROUP UID
//
// The other process is in CGROUP, a folder of /sys/fs/cgroup, and of user UID. Sends a line break
// when it runs, and prints the answer.

#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

// Connects the socket in a process that ends. Returns the pid of that process.
static pid_t connect_and_end(int fd, const char* path) {
  struct sockaddr_un server = {.sun_family = AF_UNIX};
  strncpy(server.sun_path, path, sizeof server.sun_path - 1);
  const pid_t pid = fork();
  if (pid == 0) _exit(connect(fd, (struct sockaddr*)&server, sizeof server) == 0 ? 0 : 1);
  int status;
  if (waitpid(pid, &status, 0) < 0 || status != 0) errx(1, "the client could not connect");
  return pid;
}

// Starts a process with this pid in a cgroup. It runs as UID when the function returns.
static void start_with_pid(pid_t pid, const char* cgroup, uid_t uid) {
  const int folder = open(cgroup, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) err(1, "%s", cgroup);
  int ready[2];
  if (pipe(ready) < 0) err(1, "pipe");
  struct clone_args args = {
      .flags = CLONE_INTO_CGROUP,
      .exit_signal = SIGCHLD,
      .set_tid = (uintptr_t)&pid,
      .set_tid_size = 1,
      .cgroup = folder,
  };
  const long result = syscall(SYS_clone3, &args, sizeof args);
  if (result < 0) err(1, "clone3");
  if (result == 0) {
    if (setuid(uid) < 0 || write(ready[1], "", 1) != 1) _exit(1);
    pause();
    _exit(0);
  }
  char byte;
  if (read(ready[0], &byte, 1) != 1) errx(1, "the other process has ended");
}

int main(int argc, char** argv) {
  if (argc != 4) errx(1, "usage: reused-pid PATH CGROUP UID");
  const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  const pid_t pid = connect_and_end(fd, argv[1]);
  start_with_pid(pid, argv[2], atoi(argv[3]));
  if (write(fd, "\n", 1) != 1) err(1, "write");
  char answer[4096];
  for (ssize_t count; (count = read(fd, answer, sizeof answer)) > 0;) {
    fwrite(answer, 1, count, stdout);
  }
  kill(pid, SIGKILL);
}
