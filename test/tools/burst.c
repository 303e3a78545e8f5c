// Many clients that connect at once, each with one HTTP request. Counts the clients that are
// served.
//
//   burst [--after FIFO] CLIENTS TIMEOUT ADDRESS...
//
// CLIENTS is the number of clients for each ADDRESS. An absolute path is a Unix socket; a number is
// a port of 127.0.0.1. A client without a response gives up TIMEOUT milliseconds after the burst.
// With
// --after one client connects alone, and the others connect once a process has opened FIFO for
// writing and closed it.
//
// Prints JSON. `connecting` has the milliseconds of all calls of connect(2). `targets` is a list
// with an object for each ADDRESS:
//   served   clients with a whole response of status 200
//   resent   served clients for which TCP had to send something again, after a second or more
//   last     milliseconds from the burst to the last response
//   silent   clients that have given up
//   errors   clients by error: {"EAGAIN":12}

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { EVENTS = 512, ERRNOS = 134, SPARE_FDS = 16 };

static const char request[] = "GET / HTTP/1.1\r\nHost: burst\r\nConnection: close\r\n\r\n";
static const char ok[] = "HTTP/1.1 200 ";

struct target {
  const char* name;
  union {
    struct sockaddr any;
    struct sockaddr_in in;
    struct sockaddr_un un;
  } address;
  socklen_t length;
  int served, resent, silent, errors[ERRNOS];
  long last;
};

struct client {
  struct target* target;
  int fd;  // -1 when it is gone
  enum { CONNECTING, WAITING, ANSWERED } state;
};

static int epoll;
static int present;  // clients that are not gone
static struct timespec start;

static long elapsed(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (now.tv_sec - start.tv_sec) * 1000 + (now.tv_nsec - start.tv_nsec) / 1000000;
}

static unsigned number(const char* text) {
  char* end;
  const unsigned long value = strtoul(text, &end, 10);
  if (end == text || *end != '\0') errx(1, "%s: not a number", text);
  return value;
}

static struct target parse(const char* name) {
  struct target target = {.name = name};
  if (name[0] == '/') {
    target.address.un.sun_family = AF_UNIX;
    if (strlen(name) >= sizeof target.address.un.sun_path) errx(1, "%s: too long", name);
    strcpy(target.address.un.sun_path, name);
    target.length = sizeof target.address.un;
  } else {
    target.address.in.sin_family = AF_INET;
    target.address.in.sin_port = htons(number(name));
    target.address.in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    target.length = sizeof target.address.in;
  }
  return target;
}

static void leave(struct client* client) {
  close(client->fd);
  client->fd = -1;
  present--;
}

static void fail(struct client* client, int error) {
  client->target->errors[error]++;
  leave(client);
}

static void succeed(struct client* client) {
  struct target* target = client->target;
  target->served++;
  target->last = elapsed();
  struct tcp_info info;
  socklen_t length = sizeof info;
  if (getsockopt(client->fd, IPPROTO_TCP, TCP_INFO, &info, &length) == 0)
    target->resent += info.tcpi_total_retrans > 0;
  leave(client);
}

// The socket is added to epoll before connect(2), so that no other call delays the next connect(2).
static struct client arrive(struct target* target, struct client* self) {
  const int type = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
  const int fd = socket(target->address.any.sa_family, type, 0);
  if (fd < 0) err(1, "socket");
  struct epoll_event event = {.events = EPOLLOUT, .data.ptr = self};
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0) err(1, "epoll_ctl");
  present++;
  return (struct client){.target = target, .fd = fd};
}

static void knock(struct client* client) {
  const struct target* target = client->target;
  if (connect(client->fd, &target->address.any, target->length) < 0 && errno != EINPROGRESS)
    fail(client, errno);
}

static void ask(struct client* client) {
  int error;
  socklen_t length = sizeof error;
  getsockopt(client->fd, SOL_SOCKET, SO_ERROR, &error, &length);
  if (error != 0) return fail(client, error);
  if (send(client->fd, request, strlen(request), MSG_NOSIGNAL) < 0) return fail(client, errno);
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = client};
  epoll_ctl(epoll, EPOLL_CTL_MOD, client->fd, &event);
  client->state = WAITING;
}

// The response is small, so its status line comes in one piece. It ends when the server closes.
static void hear(struct client* client) {
  char answer[4096];
  const ssize_t length = recv(client->fd, answer, sizeof answer, 0);
  if (length < 0) return errno == EAGAIN ? (void)0 : fail(client, errno);
  if (client->state == ANSWERED) return length == 0 ? succeed(client) : (void)0;
  if (length < (ssize_t)strlen(ok) || memcmp(answer, ok, strlen(ok)) != 0)
    return fail(client, EPROTO);
  client->state = ANSWERED;
}

static void wait_for_answers(long patience) {
  struct epoll_event events[EVENTS];
  for (long left; present > 0 && (left = patience - elapsed()) > 0;) {
    const int count = epoll_wait(epoll, events, EVENTS, left);
    if (count < 0 && errno != EINTR) err(1, "epoll_wait");
    for (int i = 0; i < count; i++) {
      struct client* client = events[i].data.ptr;
      (client->state == CONNECTING ? ask : hear)(client);
    }
  }
}

static void wait_for_writer(const char* fifo) {
  char byte;
  const int fd = open(fifo, O_RDONLY | O_CLOEXEC);
  if (fd < 0) err(1, "%s", fifo);
  while (read(fd, &byte, 1) > 0) continue;
  close(fd);
}

static void print(const struct target* target) {
  printf("{\"address\":\"%s\",\"served\":%d,\"resent\":%d,\"last\":%ld,\"silent\":%d,\"errors\":{",
         target->name, target->served, target->resent, target->last, target->silent);
  const char* separator = "";
  for (int error = 0; error < ERRNOS; error++) {
    if (target->errors[error] == 0) continue;
    printf("%s\"%s\":%d", separator, strerrorname_np(error), target->errors[error]);
    separator = ",";
  }
  printf("}}");
}

int main(int argc, char** argv) {
  const char* fifo = NULL;
  if (argc > 2 && strcmp(argv[1], "--after") == 0) {
    fifo = argv[2];
    argv += 2;
    argc -= 2;
  }
  if (argc < 4) errx(1, "usage: burst [--after FIFO] CLIENTS TIMEOUT ADDRESS...");
  const long patience = number(argv[2]);
  const int kinds = argc - 3, count = number(argv[1]) * kinds;

  const struct rlimit files = {count + SPARE_FDS, count + SPARE_FDS};
  if (setrlimit(RLIMIT_NOFILE, &files) < 0) err(1, "%d descriptors", count + SPARE_FDS);
  epoll = epoll_create1(EPOLL_CLOEXEC);
  struct target* targets = calloc(kinds, sizeof *targets);
  struct client* clients = calloc(count, sizeof *clients);
  for (int i = 0; i < kinds; i++) targets[i] = parse(argv[3 + i]);
  for (int i = 0; i < count; i++) clients[i] = arrive(&targets[i % kinds], &clients[i]);

  int next = 0;
  if (fifo) {
    knock(&clients[next++]);
    wait_for_writer(fifo);
  }
  clock_gettime(CLOCK_MONOTONIC, &start);
  while (next < count) knock(&clients[next++]);
  const long connecting = elapsed();
  wait_for_answers(patience);

  for (int i = 0; i < count; i++) clients[i].target->silent += clients[i].fd >= 0;
  printf("{\"connecting\":%ld,\"targets\":[", connecting);
  for (int i = 0; i < kinds; i++) {
    if (i > 0) printf(",");
    print(&targets[i]);
  }
  printf("]}\n");
}
