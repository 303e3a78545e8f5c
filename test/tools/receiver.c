// An independent witness, without any code of lib/: the service manager's notification socket, see
// sd_notify(3).
//
//   receiver PATH|@ABSTRACT
//
// Prints {"ready":true}, and then a line of JSON for each datagram. Reads commands from stdin, one
// in each line, and prints a line for each. The program ends at the end of stdin, and so with its
// parent.

#define _GNU_SOURCE
#include <err.h>
#include <limits.h>
#include <locale.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <wchar.h>

enum {
  MESSAGE_MAX = 64 * 1024,
  FDS_MAX = 253,  // SCM_MAX_FD, the kernel's limit for one message, see unix(7)
  HELD_MAX = 16 * FDS_MAX,
};

struct receiver {
  int socket;
  bool reading;
  bool holding;
  int held[HELD_MAX];
  size_t held_count;
};

static int bind_socket(const char* address) {
  struct sockaddr_un sun = {.sun_family = AF_UNIX};
  const size_t length = strlen(address);
  if (length == 0 || length > sizeof sun.sun_path)
    errx(1, "%s: an address has 1 to %zu bytes", address, sizeof sun.sun_path);
  memcpy(sun.sun_path, address, length);
  if (address[0] == '@') sun.sun_path[0] = '\0';

  // Before bind(2), because a datagram that comes before this option has no credentials.
  const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &(int){1}, sizeof(int)) < 0 ||
      bind(fd, (struct sockaddr*)&sun, offsetof(struct sockaddr_un, sun_path) + length) < 0)
    err(1, "%s", address);
  return fd;
}

// Prints a JSON string, with U+FFFD for bytes that are not UTF-8. `hex` has the exact bytes.
static void print_string(const char* text, size_t length) {
  putchar('"');
  for (const char* end = text + length; text < end;) {
    const unsigned char byte = *text;
    wchar_t wide;
    const size_t size = byte < 0x80 ? 1 : mbrtowc(&wide, text, end - text, &(mbstate_t){0});
    if (size > MB_LEN_MAX) {  // (size_t)-1 and -2: invalid, or cut short
      fputs("\\ufffd", stdout);
      text++;
      continue;
    }
    if (byte < 0x20 || byte == '"' || byte == '\\' || byte == 0x7f)
      printf("\\u%04x", byte);
    else
      fwrite(text, size, 1, stdout);
    text += size;
  }
  putchar('"');
}

static const char* file_type(mode_t mode) {
  switch (mode & S_IFMT) {
    case S_IFIFO: return "pipe";
    case S_IFSOCK: return "socket";
    case S_IFREG: return "file";
    case S_IFDIR: return "directory";
    case S_IFCHR: return "character device";
    case S_IFBLK: return "block device";
    default: return "other";  // anonymous inodes, such as an eventfd, have no type
  }
}

static void print_fd(int fd) {
  char path[64], link[4096];
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  const ssize_t length = readlink(path, link, sizeof link);
  struct stat st;
  if (length < 0 || fstat(fd, &st) < 0) err(1, "%s", path);
  printf("{\"link\":");
  print_string(link, length);
  printf(",\"dev\":%ju,\"ino\":%ju,\"mode\":\"%s\"}", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino,
         file_type(st.st_mode));
}

static void print_datagram(const char* message, size_t length, bool truncated,
                           const struct ucred* sender, const int* fds, size_t fd_count) {
  printf("{\"message\":");
  print_string(message, length);
  printf(",\"hex\":\"");
  for (size_t i = 0; i < length; i++) printf("%02x", (unsigned char)message[i]);
  printf("\",\"truncated\":%s,\"pid\":%jd,\"uid\":%ju,\"gid\":%ju,\"fds\":[",
         truncated ? "true" : "false", (intmax_t)sender->pid, (uintmax_t)sender->uid,
         (uintmax_t)sender->gid);
  for (size_t i = 0; i < fd_count; i++) {
    if (i > 0) putchar(',');
    print_fd(fds[i]);
  }
  puts("]}");
}

static void receive(struct receiver* r) {
  static char message[MESSAGE_MAX];
  _Alignas(struct cmsghdr) char
      control[CMSG_SPACE(sizeof(struct ucred)) + CMSG_SPACE(FDS_MAX * sizeof(int))];
  struct iovec iov = {message, sizeof message};
  struct msghdr header = {
      .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  const ssize_t length = recvmsg(r->socket, &header, MSG_CMSG_CLOEXEC);
  if (length < 0) err(1, "recvmsg");

  struct ucred sender = {0};
  int fds[FDS_MAX];
  size_t fd_count = 0;
  for (struct cmsghdr* c = CMSG_FIRSTHDR(&header); c; c = CMSG_NXTHDR(&header, c)) {
    const size_t size = c->cmsg_len - CMSG_LEN(0);
    if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_CREDENTIALS) {
      memcpy(&sender, CMSG_DATA(c), sizeof sender);
    } else if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS) {
      memcpy(fds, CMSG_DATA(c), size);
      fd_count = size / sizeof(int);
    }
  }
  print_datagram(message, length, header.msg_flags & (MSG_TRUNC | MSG_CTRUNC), &sender, fds,
                 fd_count);

  for (size_t i = 0; i < fd_count; i++) {
    if (r->holding && r->held_count < HELD_MAX)
      r->held[r->held_count++] = fds[i];
    else
      close(fds[i]);
  }
}

static void stop(struct receiver* r) {
  r->reading = false;
  puts("{\"stopped\":true}");
}

static void go(struct receiver* r) {
  r->reading = true;
  puts("{\"reading\":true}");
}

// Keeps received descriptors open from now on, so that a barrier is not passed, see
// sd_notify_barrier(3).
static void hold(struct receiver* r) {
  r->holding = true;
  puts("{\"holding\":true}");
}

// Closes the descriptors that were kept, and keeps no further ones.
static void release(struct receiver* r) {
  for (size_t i = 0; i < r->held_count; i++) close(r->held[i]);
  printf("{\"released\":%zu}\n", r->held_count);
  r->held_count = 0;
  r->holding = false;
}

// Prints all datagrams that have come, unless reading is stopped.
static void drain(struct receiver* r) {
  struct pollfd polled = {.fd = r->socket, .events = POLLIN};
  while (r->reading && poll(&polled, 1, 0) > 0) receive(r);
  puts("{\"drained\":true}");
}

static const struct {
  const char* name;
  void (*run)(struct receiver*);
} commands[] = {{"stop", stop}, {"go", go}, {"hold", hold}, {"release", release}, {"drain", drain}};

static void run_command(struct receiver* r, const char* name) {
  for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
    if (strcmp(name, commands[i].name) == 0) return commands[i].run(r);
  errx(1, "%s: no such command", name);
}

static void serve(struct receiver* r) {
  for (;;) {
    // poll(2) ignores an entry with a negative fd.
    struct pollfd polled[] = {{.fd = STDIN_FILENO, .events = POLLIN},
                              {.fd = r->reading ? r->socket : -1, .events = POLLIN}};
    if (poll(polled, 2, -1) < 0) err(1, "poll");
    if (polled[0].revents) {
      char line[64];
      if (!fgets(line, sizeof line, stdin)) return;
      line[strcspn(line, "\n")] = '\0';
      run_command(r, line);
    } else if (polled[1].revents) {
      receive(r);
    }
  }
}

int main(int argc, char** argv) {
  if (argc != 2) errx(1, "usage: receiver PATH|@ABSTRACT");
  setlocale(LC_CTYPE, "C.UTF-8");   // for mbrtowc(3)
  setvbuf(stdin, NULL, _IONBF, 0);  // because poll(2) does not see what stdio has read ahead
  setvbuf(stdout, NULL, _IOLBF, BUFSIZ);

  struct receiver r = {.socket = bind_socket(argv[1]), .reading = true};
  puts("{\"ready\":true}");
  serve(&r);
  if (argv[1][0] != '@') unlink(argv[1]);
  return 0;
}
