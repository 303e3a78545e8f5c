// A client of a Unix socket that has an abstract name, as systemd when it asks for a credential.
//
//   named-client NAME PATH
//
// Sends a line break, and prints the answer.

#include <err.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int main(int argc, char** argv) {
  if (argc != 3) errx(1, "usage: named-client NAME PATH");
  const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  struct sockaddr_un own = {.sun_family = AF_UNIX}, server = {.sun_family = AF_UNIX};
  strncpy(own.sun_path + 1, argv[1], sizeof own.sun_path - 2);
  strncpy(server.sun_path, argv[2], sizeof server.sun_path - 1);
  const socklen_t length = offsetof(struct sockaddr_un, sun_path) + 1 + strlen(own.sun_path + 1);
  if (bind(fd, (struct sockaddr*)&own, length) < 0) err(1, "bind");
  if (connect(fd, (struct sockaddr*)&server, sizeof server) < 0) err(1, "connect");
  if (write(fd, "\n", 1) != 1) err(1, "write");
  char answer[4096];
  for (ssize_t count; (count = read(fd, answer, sizeof answer)) > 0;) {
    fwrite(answer, 1, count, stdout);
  }
}
