// A daemon in C, without a library: says READY=1, and answers each connection on fd 3 with its
// environment's LISTEN_*.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static void notify(const char* state) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  strncpy(address.sun_path, getenv("NOTIFY_SOCKET"), sizeof address.sun_path - 1);
  const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  sendto(fd, state, strlen(state), 0, (struct sockaddr*)&address, sizeof address);
  close(fd);
}

int main(void) {
  notify("READY=1");
  for (;;) {
    const int client = accept(3, NULL, NULL);
    if (client < 0) return 1;
    dprintf(client, "%s of %s, pid %s\n", getenv("LISTEN_FDNAMES"), getenv("LISTEN_FDS"),
            atoi(getenv("LISTEN_PID")) == getpid() ? "right" : "wrong");
    close(client);
  }
}
