// An independent witness, without any code of lib/: starts a program as a service manager does. It
// opens descriptors from fd 3 on in the given order, sets LISTEN_*, and executes the program.
// exec(3) keeps the PID, so LISTEN_PID is right. See sd_listen_fds(3).
//
//   launch [OPTION VALUE]... SPEC... -- PROGRAM ARG...
//
//   --names TEXT     LISTEN_FDNAMES; default: unset
//   --pid TEXT       LISTEN_PID; default: `self`, the PID of the program; `none` unsets it
//   --fds TEXT       LISTEN_FDS; default: the number of SPECs; `none` unsets it
//   --env NAME=TEXT  sets another variable
//   --unset NAME     removes a variable
//
// A SPEC is KIND or KIND:ARGUMENT. The table of kinds is below; `launch` without arguments prints
// it.

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/vm_sockets.h>
#include <mqueue.h>
#include <netdb.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <unistd.h>

enum {
  FIRST_FD = 3,         // SD_LISTEN_FDS_START
  FIRST_PEER_FD = 512,  // other ends of pairs, above all passed descriptors
  BACKLOG = 4096,       // the default of net.core.somaxconn, which also limits Backlog=
};

enum use { BOUND, LISTENING, CONNECTED };

// Every function from here to the table returns a new fd, or -1 with errno set.

// Keeps the other end of a pair open in the program, because otherwise the passed end would be hung
// up.
static int keep(int fd) {
  const int kept = fcntl(fd, F_DUPFD, FIRST_PEER_FD);
  close(fd);
  return kept;
}

static unsigned number(const char* text) {
  char* end;
  const unsigned long value = strtoul(text, &end, 10);
  if (end == text || *end != '\0') errx(1, "%s: not a number", text);
  return value;
}

// Cuts an option such as `,backlog=5` off the end of an argument.
static unsigned take_option(char* argument, const char* option, unsigned otherwise) {
  char* found = strstr(argument, option);
  if (!found) return otherwise;
  *found = '\0';
  return number(found + strlen(option));
}

static int use_socket(int fd, enum use use, const void* address, socklen_t length, int backlog) {
  if (fd < 0) return -1;
  if (use == CONNECTED) return connect(fd, address, length) < 0 ? -1 : fd;
  if (bind(fd, address, length) < 0) return -1;
  return use == LISTENING && listen(fd, backlog) < 0 ? -1 : fd;
}

// --- TCP and UDP ---

// Splits HOST:PORT or [HOST]:PORT in place.
static void split_host(char* text, char** host, char** port) {
  char* colon = strrchr(text, ':');
  if (!colon || colon == text) errx(1, "%s: not HOST:PORT", text);
  *colon = '\0';
  *host = text;
  *port = colon + 1;
  if (text[0] == '[' && colon[-1] == ']') {
    colon[-1] = '\0';
    *host = text + 1;
  }
}

static int open_inet(int type, enum use use, char* argument) {
  const unsigned backlog = take_option(argument, ",backlog=", BACKLOG);
  char *host, *port;
  split_host(argument, &host, &port);

  const struct addrinfo hints = {.ai_socktype = type, .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
  struct addrinfo* found;
  const int error = getaddrinfo(host, port, &hints, &found);
  if (error != 0) errx(1, "host %s, port %s: %s", host, port, gai_strerror(error));

  int fd = socket(found->ai_family, type, 0);
  if (fd >= 0 && type == SOCK_STREAM)
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
  fd = use_socket(fd, use, found->ai_addr, found->ai_addrlen, backlog);
  freeaddrinfo(found);
  return fd;
}

static int open_tcp(char* argument) { return open_inet(SOCK_STREAM, LISTENING, argument); }
static int open_tcp_bound(char* argument) { return open_inet(SOCK_STREAM, BOUND, argument); }
static int open_udp(char* argument) { return open_inet(SOCK_DGRAM, BOUND, argument); }
static int open_udp_connected(char* argument) { return open_inet(SOCK_DGRAM, CONNECTED, argument); }

// Returns the accepted end of a connection, as a service with Accept=yes gets it.
static int make_tcp_connected(void) {
  struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t length = sizeof in;
  const int listener = use_socket(socket(AF_INET, SOCK_STREAM, 0), LISTENING, &in, length, 1);
  if (listener < 0 || getsockname(listener, (struct sockaddr*)&in, &length) < 0) return -1;
  const int peer = use_socket(socket(AF_INET, SOCK_STREAM, 0), CONNECTED, &in, length, 0);
  if (peer < 0) return -1;
  const int fd = accept(listener, NULL, NULL);
  close(listener);
  return keep(peer) < 0 ? -1 : fd;
}

// --- AF_UNIX ---

// Reads the next byte of a name, in which \xNN stands for a byte.
static char next_byte(const char** text) {
  unsigned byte;
  int used = 0;
  if (sscanf(*text, "\\x%2x%n", &byte, &used) == 1 && used == 4) {
    *text += used;
    return byte;
  }
  return *(*text)++;
}

// A name that begins with @ is abstract. The length excludes a NUL at the end, which would be a
// part of an abstract name. A path may fill sun_path to the last byte. See unix(7).
static int open_unix_named(int type, enum use use, char* argument) {
  const unsigned backlog = take_option(argument, ",backlog=", BACKLOG);
  struct sockaddr_un sun = {.sun_family = AF_UNIX};
  size_t length = 0;
  for (const char* text = argument; *text != '\0'; length++) {
    if (length == sizeof sun.sun_path) {
      errno = ENAMETOOLONG;
      return -1;
    }
    sun.sun_path[length] = next_byte(&text);
  }
  if (argument[0] == '@') sun.sun_path[0] = '\0';
  return use_socket(socket(AF_UNIX, type, 0), use, &sun,
                    offsetof(struct sockaddr_un, sun_path) + length, backlog);
}

static int open_unix(char* argument) { return open_unix_named(SOCK_STREAM, LISTENING, argument); }
static int open_unix_dgram(char* argument) { return open_unix_named(SOCK_DGRAM, BOUND, argument); }
static int open_unix_dgram_connected(char* argument) {
  return open_unix_named(SOCK_DGRAM, CONNECTED, argument);
}
static int open_unix_seqpacket(char* argument) {
  return open_unix_named(SOCK_SEQPACKET, LISTENING, argument);
}

static int make_unix_unnamed(void) { return socket(AF_UNIX, SOCK_STREAM, 0); }

static int make_pair(int type) {
  int pair[2];
  if (socketpair(AF_UNIX, type, 0, pair) < 0 || keep(pair[1]) < 0) return -1;
  return pair[0];
}

static int make_socketpair(void) { return make_pair(SOCK_STREAM); }
static int make_socketpair_dgram(void) { return make_pair(SOCK_DGRAM); }

// --- Other sockets ---

static int open_netlink(char* argument) {
  const struct sockaddr_nl nl = {.nl_family = AF_NETLINK,
                                 .nl_groups = take_option(argument, ",groups=", 0)};
  return use_socket(socket(AF_NETLINK, SOCK_RAW, number(argument)), BOUND, &nl, sizeof nl, 0);
}

static int open_vsock(char* argument) {
  const unsigned backlog = take_option(argument, ",backlog=", BACKLOG);
  const struct sockaddr_vm vm = {
      .svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_ANY, .svm_port = number(argument)};
  return use_socket(socket(AF_VSOCK, SOCK_STREAM, 0), LISTENING, &vm, sizeof vm, backlog);
}

// With protocol 0 the socket receives nothing, see packet(7).
static int make_packet(void) { return socket(AF_PACKET, SOCK_DGRAM, 0); }
static int make_raw4(void) { return socket(AF_INET, SOCK_RAW, IPPROTO_ICMP); }
static int make_raw6(void) { return socket(AF_INET6, SOCK_RAW, IPPROTO_ICMPV6); }

// --- Files, pipes and terminals ---

static int open_file(char* path) { return open(path, O_RDWR | O_CREAT, 0600); }
static int open_dir(char* path) { return open(path, O_RDONLY | O_DIRECTORY); }
static int open_dev(char* path) { return open(path, O_RDWR | O_NOCTTY); }

// For reading and writing, as the manager opens ListenFIFO=, so that the end of a writer is no EOF.
static int open_fifo(char* path) {
  if (mkfifo(path, 0600) < 0 && errno != EEXIST) return -1;
  return open(path, O_RDWR | O_NONBLOCK);
}

static int make_pipe(void) {
  int ends[2];
  if (pipe(ends) < 0 || keep(ends[1]) < 0) return -1;
  return ends[0];
}

static int make_pty(void) {
  const int master = posix_openpt(O_RDWR | O_NOCTTY);
  if (master < 0 || grantpt(master) < 0 || unlockpt(master) < 0) return -1;
  const int fd = open(ptsname(master), O_RDWR | O_NOCTTY);
  return keep(master) < 0 ? -1 : fd;
}

// The queue outlives the program. The caller deletes it by mq_unlink(3) or /dev/mqueue/NAME.
static int open_mq(char* name) {
  return mq_open(name, O_CREAT | O_RDONLY | O_NONBLOCK, 0600, NULL);
}

// --- Special descriptors ---

static int open_memfd(char* name) { return memfd_create(name, 0); }
static int open_sealed(char* content) {
  const int fd = memfd_create("sealed", MFD_ALLOW_SEALING);
  const ssize_t length = strlen(content);
  if (write(fd, content, length) != length) return -1;
  const int seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
  return fcntl(fd, F_ADD_SEALS, seals) < 0 ? -1 : fd;
}

static int make_epoll(void) { return epoll_create1(0); }
static int make_eventfd(void) { return eventfd(0, 0); }
static int make_inotify(void) { return inotify_init(); }
static int make_pidfd(void) { return syscall(SYS_pidfd_open, getpid(), 0); }
static int make_timerfd(void) { return timerfd_create(CLOCK_MONOTONIC, 0); }

static int make_signalfd(void) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGUSR1);
  return signalfd(-1, &signals, 0);
}

// --- The kinds ---

static int open_dup(char* fd) { return dup(number(fd)); }

static const struct kind {
  const char* name;
  const char* argument;  // a description of the text after the colon
  int (*open)(char* argument);
  int (*make)(void);  // if the kind has no argument
} kinds[] = {
    {"tcp", "HOST:PORT[,backlog=N]", open_tcp, NULL},
    {"tcp-bound", "HOST:PORT", open_tcp_bound, NULL},
    {"tcp-connected", NULL, NULL, make_tcp_connected},
    {"udp", "HOST:PORT", open_udp, NULL},
    {"udp-connected", "HOST:PORT", open_udp_connected, NULL},
    {"unix", "PATH|@NAME[,backlog=N]", open_unix, NULL},
    {"unix-dgram", "PATH|@NAME", open_unix_dgram, NULL},
    {"unix-dgram-connected", "PATH|@NAME", open_unix_dgram_connected, NULL},
    {"unix-seqpacket", "PATH|@NAME[,backlog=N]", open_unix_seqpacket, NULL},
    {"unix-unnamed", NULL, NULL, make_unix_unnamed},
    {"socketpair", NULL, NULL, make_socketpair},
    {"socketpair-dgram", NULL, NULL, make_socketpair_dgram},
    {"netlink", "PROTOCOL[,groups=N]", open_netlink, NULL},
    {"vsock", "PORT[,backlog=N]", open_vsock, NULL},
    {"packet", NULL, NULL, make_packet},
    {"raw4", NULL, NULL, make_raw4},
    {"raw6", NULL, NULL, make_raw6},
    {"file", "PATH", open_file, NULL},
    {"dir", "PATH", open_dir, NULL},
    {"dev", "PATH", open_dev, NULL},
    {"fifo", "PATH", open_fifo, NULL},
    {"pipe", NULL, NULL, make_pipe},
    {"pty", NULL, NULL, make_pty},
    {"mq", "/NAME", open_mq, NULL},
    {"memfd", "NAME", open_memfd, NULL},
    {"sealed", "CONTENT", open_sealed, NULL},
    {"epoll", NULL, NULL, make_epoll},
    {"eventfd", NULL, NULL, make_eventfd},
    {"inotify", NULL, NULL, make_inotify},
    {"pidfd", NULL, NULL, make_pidfd},
    {"signalfd", NULL, NULL, make_signalfd},
    {"timerfd", NULL, NULL, make_timerfd},
    {"dup", "FD", open_dup, NULL},
    {"closed", NULL, NULL, NULL},  // a number without a descriptor
};

enum { KIND_COUNT = sizeof kinds / sizeof *kinds };

static void usage(void) {
  fputs(
      "usage: launch [OPTION VALUE]... SPEC... -- PROGRAM ARG...\n\n"
      "options: --names TEXT, --pid TEXT|self|none, --fds TEXT|none, --env NAME=TEXT, "
      "--unset NAME\n\nspecs:\n",
      stderr);
  for (const struct kind* k = kinds; k < kinds + KIND_COUNT; k++)
    fprintf(stderr, "  %s%s%s\n", k->name, k->argument ? ":" : "", k->argument ? k->argument : "");
  exit(1);
}

static const struct kind* find_kind(const char* spec) {
  const char* colon = strchrnul(spec, ':');
  for (const struct kind* k = kinds; k < kinds + KIND_COUNT; k++) {
    if (strlen(k->name) != (size_t)(colon - spec) || strncmp(spec, k->name, colon - spec) != 0)
      continue;
    if (k->argument && *colon == '\0') errx(1, "%s: should be %s:%s", spec, k->name, k->argument);
    if (!k->argument && *colon == ':') errx(1, "%s: should be %s alone", spec, k->name);
    return k;
  }
  errx(1, "%s: no such kind of descriptor", spec);
}

// Opens the descriptor of a SPEC as fd `target`, without close-on-exec.
static void place(const char* spec, int target) {
  const struct kind* kind = find_kind(spec);
  if (!kind->open && !kind->make) return;
  char* argument = strdup(kind->open ? strchr(spec, ':') + 1 : "");
  const int fd = kind->open ? kind->open(argument) : kind->make();
  free(argument);
  if (fd < 0) err(1, "%s", spec);
  if (fd != target) {
    if (dup2(fd, target) < 0) err(1, "%s: fd %d", spec, target);
    close(fd);
  }
  // Some calls always set close-on-exec: pidfd_open(2), mq_open(3).
  if (fcntl(target, F_SETFD, 0) < 0) err(1, "%s: FD_CLOEXEC", spec);
}

// Closes inherited descriptors, so that the program does not take them for passed ones. Not by
// close_range(2), which seccomp filters of older container runtimes refuse.
static void close_inherited(void) {
  DIR* folder = opendir("/proc/self/fd");
  if (!folder) err(1, "/proc/self/fd");
  for (struct dirent* entry; (entry = readdir(folder));) {
    const int fd = atoi(entry->d_name);
    if (fd >= FIRST_FD && fd != dirfd(folder)) close(fd);
  }
  closedir(folder);
}

struct settings {
  const char *names, *pid, *fds;  // LISTEN_*; NULL: the default
};

static void set_option(struct settings* settings, const char* option, char* value) {
  const struct {
    const char* name;
    const char** text;
  } texts[] = {{"--names", &settings->names}, {"--pid", &settings->pid}, {"--fds", &settings->fds}};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    if (strcmp(option, texts[i].name) == 0) {
      *texts[i].text = value;
      return;
    }
  }
  if (strcmp(option, "--env") == 0 && strchr(value, '='))
    putenv(value);
  else if (strcmp(option, "--unset") == 0)
    unsetenv(value);
  else
    usage();
}

static void set_variable(const char* name, const char* text) {
  if (text ? setenv(name, text, 1) < 0 : unsetenv(name) < 0) err(1, "%s", name);
}

static void set_number(const char* name, const char* text, long otherwise) {
  char digits[32];
  snprintf(digits, sizeof digits, "%ld", otherwise);
  if (text && strcmp(text, "none") == 0)
    set_variable(name, NULL);
  else
    set_variable(name, text ? text : digits);
}

int main(int argc, char** argv) {
  struct settings settings = {0};
  int i = 1;
  for (; i + 1 < argc && strncmp(argv[i], "--", 2) == 0 && argv[i][2] != '\0'; i += 2)
    set_option(&settings, argv[i], argv[i + 1]);

  close_inherited();
  int count = 0;
  for (; i < argc && strcmp(argv[i], "--") != 0; i++, count++) {
    if (FIRST_FD + count == FIRST_PEER_FD) errx(1, "%d SPECs are the most", count);
    place(argv[i], FIRST_FD + count);
  }
  if (i + 1 >= argc) usage();

  const bool self = settings.pid && strcmp(settings.pid, "self") == 0;
  set_variable("LISTEN_FDNAMES", settings.names);
  set_number("LISTEN_PID", self ? NULL : settings.pid, getpid());
  set_number("LISTEN_FDS", settings.fds, count);

  execvp(argv[i + 1], argv + i + 1);
  err(1, "%s", argv[i + 1]);
}
