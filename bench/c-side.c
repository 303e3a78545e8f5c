// The C side of the benchmark: the same calls as the Node side makes.
//
//   c-side calls              reads lines NAME COUNT BURST, makes the calls, prints nanoseconds
//   c-side list               inspects the passed descriptors, prints JSON
//   c-side drain PATH         receives datagrams, and drops them
//   c-side flood              sends notifications without end
//   c-side journal WARM COUNT  sends bursts of entries, prints microseconds of an entry on fd 3
//   c-side send PATH COUNT    sends COUNT messages of 128 bytes, prints the nanoseconds of one
//   c-side pass COUNT COMMAND executes COMMAND with COUNT listening sockets from fd 3 on

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <err.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

// Declared here, because sd-daemon.h is in the package libsystemd-dev.
int sd_listen_fds_with_names(int unset_environment, char*** names);
int sd_notify(int unset_environment, const char* state);
int sd_notify_barrier(int unset_environment, uint64_t timeout);
int sd_booted(void);
int sd_is_fifo(int fd, const char* path);
int sd_is_special(int fd, const char* path);
int sd_is_socket(int fd, int family, int type, int listening);
int sd_is_socket_inet(int fd, int family, int type, int listening, uint16_t port);
int sd_is_socket_sockaddr(int fd, int type, const struct sockaddr* address, unsigned length,
                          int listening);
int sd_is_socket_unix(int fd, int type, int listening, const char* path, size_t length);
int sd_is_mq(int fd, const char* path);
int sd_watchdog_enabled(int unset_environment, uint64_t* usec);
int sd_journal_sendv(const struct iovec* iov, int n);

// The descriptors that bench/calls.mjs passes, in its order, from SD_LISTEN_FDS_START on.
enum { FIRST_FD = 3, TCP_FD = FIRST_FD, UNIX_FD, FIFO_FD, FILE_FD };

enum { BARRIER_USEC = 5 * 1000 * 1000 };

static struct sockaddr_in tcp_address;
static char unix_path[sizeof((struct sockaddr_un*)0)->sun_path + 1];

static int64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * INT64_C(1000000000) + time.tv_nsec;
}

// Makes the system calls that inspect a socket.
static int inspect_socket(int fd) {
  struct stat status;
  struct sockaddr_storage address;
  socklen_t length = sizeof address;
  int value[4];
  const int options[] = {SO_DOMAIN, SO_TYPE, SO_PROTOCOL, SO_ACCEPTCONN};
  for (int i = 0; i < 4; i++)
    if (getsockopt(fd, SOL_SOCKET, options[i], &value[i], &(socklen_t){sizeof(int)}) < 0) return -1;
  getpeername(fd, (struct sockaddr*)&address, &length);
  length = sizeof address;
  if (fstat(fd, &status) < 0 || getsockname(fd, (struct sockaddr*)&address, &length) < 0) return -1;
  return 1;
}

// --- calls: the same as in bench/calls-list.mjs ---

static int call_notify(void) { return sd_notify(0, "WATCHDOG=1"); }
static int call_notify_status(void) { return sd_notify(0, "STATUS=12 requests served"); }
static int call_booted(void) { return sd_booted(); }
static int call_is_fifo(void) { return sd_is_fifo(FIFO_FD, NULL); }
static int call_is_special(void) { return sd_is_special(FILE_FD, NULL); }
static int call_is_socket(void) { return sd_is_socket(TCP_FD, AF_INET, SOCK_STREAM, 1); }
static int call_is_socket_inet(void) {
  return sd_is_socket_inet(TCP_FD, AF_INET, SOCK_STREAM, 1, ntohs(tcp_address.sin_port));
}
static int call_is_socket_sockaddr(void) {
  return sd_is_socket_sockaddr(TCP_FD, SOCK_STREAM, (struct sockaddr*)&tcp_address,
                               sizeof tcp_address, 1);
}
static int call_is_socket_unix(void) {
  return sd_is_socket_unix(UNIX_FD, SOCK_STREAM, 1, unix_path, 0);
}
static int call_is_mq(void) { return sd_is_mq(FILE_FD, NULL); }
static int call_watchdog_enabled(void) {
  uint64_t usec;
  return sd_watchdog_enabled(0, &usec);
}
static int call_inspect_tcp(void) { return inspect_socket(TCP_FD); }
static int call_inspect_unix(void) { return inspect_socket(UNIX_FD); }

static const struct call {
  const char* name;
  int (*call)(void);
} calls[] = {
    {"notify", call_notify},
    {"notify_status", call_notify_status},
    {"booted", call_booted},
    {"is_fifo", call_is_fifo},
    {"is_special", call_is_special},
    {"is_socket", call_is_socket},
    {"is_socket_inet", call_is_socket_inet},
    {"is_socket_sockaddr", call_is_socket_sockaddr},
    {"is_socket_unix", call_is_socket_unix},
    {"is_mq", call_is_mq},
    {"watchdog_enabled", call_watchdog_enabled},
    {"inspect_tcp", call_inspect_tcp},
    {"inspect_unix", call_inspect_unix},
};

static const struct call* find_call(const char* name) {
  for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
    if (strcmp(name, calls[i].name) == 0) return &calls[i];
  errx(1, "%s: no such call", name);
}

static void repeat(const struct call* call, long count) {
  for (long i = 0; i < count; i++) {
    const int result = call->call();
    if (result < 0) errx(1, "%s: %s", call->name, strerror(-result));
  }
}

// Returns the nanoseconds spent in calls. Before each burst, waits until the receiver has read all
// notifications.
static int64_t measure(const struct call* call, long count, long burst) {
  int64_t total = 0;
  for (long left = count; left > 0; left -= burst) {
    if (burst < count && sd_notify_barrier(0, BARRIER_USEC) < 0) errx(1, "nobody drains");
    const int64_t begun = now();
    repeat(call, left < burst ? left : burst);
    total += now() - begun;
  }
  return total;
}

static void find_addresses(void) {
  struct sockaddr_un sun = {0};
  socklen_t length = sizeof tcp_address;
  if (getsockname(TCP_FD, (struct sockaddr*)&tcp_address, &length) < 0) err(1, "fd %d", TCP_FD);
  length = sizeof sun;
  if (getsockname(UNIX_FD, (struct sockaddr*)&sun, &length) < 0) err(1, "fd %d", UNIX_FD);
  memcpy(unix_path, sun.sun_path, sizeof sun.sun_path);
}

static int serve_calls(void) {
  find_addresses();
  setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
  char name[64];
  long count, burst;
  while (scanf("%63s %ld %ld", name, &count, &burst) == 3) {
    const struct call* call = find_call(name);
    measure(call, count / 10 + 1, burst);  // warms the caches up and raises the processor's clock
    printf("%jd\n", (intmax_t)measure(call, count, burst));
  }
  return 0;
}

// --- list ---

static int list(void) {
  const int64_t begun = now();
  char** names = NULL;
  const int count = sd_listen_fds_with_names(0, &names);
  if (count < 0) errx(1, "sd_listen_fds_with_names: %s", strerror(-count));
  for (int i = 0; i < count; i++)
    if (inspect_socket(FIRST_FD + i) < 0) err(1, "%s", names[i]);
  printf("{\"count\":%d,\"ms\":%f}\n", count, (now() - begun) / 1e6);
  return 0;
}

// --- drain ---

static int drain(const char* path) {
  struct sockaddr_un sun = {.sun_family = AF_UNIX};
  if (strlen(path) >= sizeof sun.sun_path) errx(1, "%s: too long", path);
  strcpy(sun.sun_path, path);
  const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0 || bind(fd, (struct sockaddr*)&sun, sizeof sun) < 0) err(1, "%s", path);
  prctl(PR_SET_PDEATHSIG, SIGKILL);  // because the loop below never sees that the parent has ended
  if (puts("ready") < 0 || fflush(stdout) < 0) return 1;
  char message[4096];
  while (recv(fd, message, sizeof message, 0) >= 0) continue;
  err(1, "recv");
}

// --- flood ---

static int flood(void) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (puts("ready") < 0 || fflush(stdout) < 0) return 1;
  int result;
  do result = call_notify_status();
  while (result > 0);
  errx(1, "sd_notify: %s", strerror(-result));
}

// --- journal: the same entry and the same bursts as in bench/journal-child.mjs ---

enum { BURST = 8, PAUSE_USEC = 1000 };

static void send_entry(void) {
  static const char* const fields[] = {"MESSAGE=GET /orders/7 was answered", "PRIORITY=6",
                                       "SYSLOG_IDENTIFIER=bench", "REQUEST=/orders/7",
                                       "STATUS=200"};
  struct iovec parts[5];
  for (int i = 0; i < 5; i++) parts[i] = (struct iovec){(char*)fields[i], strlen(fields[i])};
  const int result = sd_journal_sendv(parts, 5);
  if (result < 0) errx(1, "sd_journal_sendv: %s", strerror(-result));
}

static double time_bursts(int bursts) {
  int64_t total = 0;
  for (int i = 0; i < bursts; i++) {
    const int64_t begun = now();
    for (int one = 0; one < BURST; one++) send_entry();
    total += now() - begun;
    usleep(PAUSE_USEC);
  }
  return total / 1e3 / bursts / BURST;
}

static int journal(int warm, int bursts) {
  time_bursts(warm);
  return dprintf(3, "%f", time_bursts(bursts)) < 0;
}

// --- send ---

static int send_messages(const char* path, long count) {
  struct sockaddr_un to = {.sun_family = AF_UNIX};
  strncpy(to.sun_path, path, sizeof(to.sun_path) - 1);
  const int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
  if (fd < 0 || connect(fd, (struct sockaddr*)&to, sizeof(to)) < 0) err(1, "%s", path);
  char message[128];
  memset(message, 'x', sizeof(message));
  const int64_t start = now();
  for (long i = 0; i < count; i++)
    if (send(fd, message, sizeof(message), 0) < 0) err(1, "send");
  printf("%ld\n", (long)((now() - start) / count));
  return 0;
}

// --- pass ---

// Alternately TCP on a port and Unix with an abstract name; the kernel chooses both (unix(7),
// autobind).
static int open_listener(int i) {
  const struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  const struct sockaddr_un sun = {.sun_family = AF_UNIX};
  const int family = i % 2 == 0 ? AF_INET : AF_UNIX;
  const int fd = socket(family, SOCK_STREAM, 0);
  const int bound = family == AF_INET ? bind(fd, (struct sockaddr*)&in, sizeof in)
                                      : bind(fd, (struct sockaddr*)&sun, sizeof sun.sun_family);
  return bound < 0 || listen(fd, SOMAXCONN) < 0 ? -1 : fd;
}

static void set_number(const char* name, int number) {
  char digits[16];
  snprintf(digits, sizeof digits, "%d", number);
  setenv(name, digits, 1);
}

static int pass(int count, char** command) {
  char names[count * sizeof "unix-00000:"];
  size_t length = 0;
  for (int i = 0; i < count; i++) {
    const int fd = open_listener(i);
    if (fd < 0 || dup2(fd, FIRST_FD + i) < 0) err(1, "socket %d", i);
    if (fd != FIRST_FD + i) close(fd);  // an inherited descriptor had the number
    length += sprintf(names + length, i % 2 == 0 ? "%stcp-%d" : "%sunix-%d", i ? ":" : "", i);
  }
  setenv("LISTEN_FDNAMES", names, 1);
  set_number("LISTEN_FDS", count);
  set_number("LISTEN_PID", getpid());
  execv(command[0], command);
  err(1, "%s", command[0]);
}

int main(int argc, char** argv) {
  const char* mode = argc > 1 ? argv[1] : "";
  if (argc == 2 && strcmp(mode, "calls") == 0) return serve_calls();
  if (argc == 2 && strcmp(mode, "list") == 0) return list();
  if (argc == 3 && strcmp(mode, "drain") == 0) return drain(argv[2]);
  if (argc == 2 && strcmp(mode, "flood") == 0) return flood();
  if (argc == 4 && strcmp(mode, "journal") == 0) return journal(atoi(argv[2]), atoi(argv[3]));
  if (argc == 4 && strcmp(mode, "send") == 0) return send_messages(argv[2], atol(argv[3]));
  if (argc > 3 && strcmp(mode, "pass") == 0) return pass(atoi(argv[2]), argv + 3);
  errx(1,
       "usage: c-side calls | list | drain PATH | flood | journal WARM COUNT | send PATH COUNT | "
       "pass COUNT COMMAND");
}
