// An independent witness, without any code of lib/: calls functions of libsystemd.
// test/conformance/runner.mjs is the same program in Node, and must print the same answers.
//
//   conformance <CALLS
//   conformance mq_unlink /NAME
//
// A call is a line of fields separated by tabs: variables as NAME=VALUE, which are the whole
// environment, the function, and its arguments. In a field \xNN stands for a byte, and $PID,
// $HEXPID, $OCTPID, $PPID and $PIDFDID (of the pidfd at fd 3) for numbers of this process.
// Arguments that are missing at the end have C's wildcards.
//
// An answer is a line: the result, if negative with the name of the errno; the out parameters; the
// variables that are still set, as NAME=. The last line has the PID, the parent's PID, and the file
// of the library.

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

// Declared here, so that the tests don't need sd-daemon.h.
int sd_listen_fds(int unset_environment);
int sd_listen_fds_with_names(int unset_environment, char*** names);
int sd_is_fifo(int fd, const char* path);
int sd_is_special(int fd, const char* path);
int sd_is_socket(int fd, int family, int type, int listening);
int sd_is_socket_inet(int fd, int family, int type, int listening, uint16_t port);
int sd_is_socket_sockaddr(int fd, int type, const struct sockaddr* addr, unsigned addr_len,
                          int listening);
int sd_is_socket_unix(int fd, int type, int listening, const char* path, size_t length);
int sd_is_mq(int fd, const char* path);
int sd_notify(int unset_environment, const char* state);
int sd_pid_notify(pid_t pid, int unset_environment, const char* state);
int sd_pid_notify_with_fds(pid_t pid, int unset_environment, const char* state, const int* fds,
                           unsigned n_fds);
int sd_notify_barrier(int unset_environment, uint64_t timeout);
int sd_booted(void);
int sd_watchdog_enabled(int unset_environment, uint64_t* usec);

// Newer than the oldest tested library, so looked up at the call.
typedef int pid_notify_barrier_t(pid_t pid, int unset_environment, uint64_t timeout);
typedef int pidfd_get_inode_id_t(int pidfd, uint64_t* ret);

enum { FIELDS_MAX = 16, FDS_MAX = 4096, PIDFD = 3 };

struct field {
  char* text;  // with a NUL after the last byte
  size_t length;
};

// The arguments of the current call.
static struct field arguments[FIELDS_MAX];
static int argument_count;

// --- Arguments ---

static bool given(int i) { return i < argument_count; }

static long long number(int i, long long otherwise) {
  return given(i) ? strtoll(arguments[i].text, NULL, 10) : otherwise;
}

static bool flag(int i) { return given(i) && strcmp(arguments[i].text, "true") == 0; }

static const char* text(int i) { return given(i) ? arguments[i].text : ""; }

static const char* optional_text(int i) {
  return given(i) && strcmp(arguments[i].text, "NULL") != 0 ? arguments[i].text : NULL;
}

// Finds the text behind a prefix such as `bytes:`. False if the argument has another prefix.
static bool prefixed(int i, const char* prefix, struct field* rest) {
  const size_t length = strlen(prefix);
  if (!given(i) || strncmp(arguments[i].text, prefix, length) != 0) return false;
  *rest = (struct field){arguments[i].text + length, arguments[i].length - length};
  return true;
}

static uint64_t usec(int i) { return strtoull(text(i), NULL, 10); }

// Parses numbers separated by commas.
static unsigned fds(int i, int* found) {
  unsigned count = 0;
  char* end = (char*)text(i);
  while (*end != '\0' && count < FDS_MAX) {
    found[count++] = strtol(end, &end, 10);
    if (*end == ',') end++;
  }
  return count;
}

// Parses `bytes:` with the bytes of a sockaddr, `inet:ADDRESS,PORT`, or
// `inet6:ADDRESS,PORT,FLOWINFO,SCOPE`.
static unsigned address(int i, struct sockaddr_storage* storage) {
  struct field rest;
  if (prefixed(i, "bytes:", &rest)) {
    if (rest.length > sizeof *storage) errx(1, "%zu bytes are no sockaddr", rest.length);
    memcpy(storage, rest.text, rest.length);
    return rest.length;
  }
  char host[64];
  uint16_t port;
  if (prefixed(i, "inet:", &rest)) {
    struct sockaddr_in* in = (struct sockaddr_in*)storage;
    *in = (struct sockaddr_in){.sin_family = AF_INET};
    if (sscanf(rest.text, "%63[^,],%hu", host, &port) != 2 ||
        inet_pton(AF_INET, host, &in->sin_addr) != 1)
      errx(1, "%s: not ADDRESS,PORT", rest.text);
    in->sin_port = htons(port);
    return sizeof *in;
  }
  if (prefixed(i, "inet6:", &rest)) {
    struct sockaddr_in6* in6 = (struct sockaddr_in6*)storage;
    *in6 = (struct sockaddr_in6){.sin6_family = AF_INET6};
    uint32_t flowinfo;
    if (sscanf(rest.text, "%63[^,],%hu,%u,%u", host, &port, &flowinfo, &in6->sin6_scope_id) != 4 ||
        inet_pton(AF_INET6, host, &in6->sin6_addr) != 1)
      errx(1, "%s: not ADDRESS,PORT,FLOWINFO,SCOPE", rest.text);
    in6->sin6_port = htons(port);
    in6->sin6_flowinfo = htonl(flowinfo);
    return sizeof *in6;
  }
  errx(1, "%s: not an address", text(i));
}

// --- Answers ---

static void print_result(int result) {
  if (result < 0)
    printf("%d %s", result, strerrorname_np(-result));
  else
    printf("%d", result);
}

static void print_text(const char* value) {
  putchar('\t');
  for (const char* c = value; *c != '\0'; c++)
    printf(*c == '\\' || (unsigned char)*c < ' ' ? "\\x%02x" : "%c", (unsigned char)*c);
}

// Finds a function by its name. If the library lacks it, prints `absent` as the answer, and returns
// NULL.
static void* look_up(const char* name) {
  void* function = dlsym(RTLD_DEFAULT, name);
  if (!function) fputs("absent", stdout);
  return function;
}

// --- The functions, each with its arguments in C's order ---

static void listen_fds(void) { print_result(sd_listen_fds(flag(0))); }

static void listen_fds_with_names(void) {
  char** names = NULL;
  const int result = sd_listen_fds_with_names(flag(0), &names);
  print_result(result);
  for (int i = 0; i < result; i++) {
    print_text(names[i]);
    free(names[i]);
  }
  free(names);
}

static void is_fifo(void) { print_result(sd_is_fifo(number(0, -1), optional_text(1))); }
static void is_special(void) { print_result(sd_is_special(number(0, -1), optional_text(1))); }
static void is_mq(void) { print_result(sd_is_mq(number(0, -1), optional_text(1))); }

static void is_socket(void) {
  print_result(sd_is_socket(number(0, -1), number(1, 0), number(2, 0), number(3, -1)));
}

static void is_socket_inet(void) {
  print_result(
      sd_is_socket_inet(number(0, -1), number(1, 0), number(2, 0), number(3, -1), number(4, 0)));
}

static void is_socket_sockaddr(void) {
  struct sockaddr_storage storage;
  const unsigned length = address(2, &storage);
  print_result(sd_is_socket_sockaddr(number(0, -1), number(1, 0), (struct sockaddr*)&storage,
                                     length, number(3, -1)));
}

static void is_socket_unix(void) {
  // Length 0 for a string, which lets the library call strlen(3). Bytes have their own length.
  struct field path = {(char*)optional_text(3), 0};
  prefixed(3, "bytes:", &path);
  print_result(
      sd_is_socket_unix(number(0, -1), number(1, 0), number(2, -1), path.text, path.length));
}

static void notify(void) { print_result(sd_notify(flag(0), text(1))); }
static void pid_notify(void) { print_result(sd_pid_notify(number(0, 0), flag(1), text(2))); }

static void pid_notify_with_fds(void) {
  int passed[FDS_MAX];
  const unsigned count = fds(3, passed);
  print_result(sd_pid_notify_with_fds(number(0, 0), flag(1), text(2), passed, count));
}

static uint64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * UINT64_C(1000000) + time.tv_nsec / 1000;
}

// After a timeout, also prints whether all of the time has passed, which proves the unit.
static void print_barrier(int result, uint64_t timeout, uint64_t begin) {
  print_result(result);
  if (result == -ETIMEDOUT) fputs(now() - begin >= timeout ? "\twaited" : "\ttoo soon", stdout);
}

static void notify_barrier(void) {
  const uint64_t begin = now();
  print_barrier(sd_notify_barrier(flag(0), usec(1)), usec(1), begin);
}

static void pid_notify_barrier(void) {
  pid_notify_barrier_t* function = look_up("sd_pid_notify_barrier");
  const uint64_t begin = now();
  if (function) print_barrier(function(number(0, 0), flag(1), usec(2)), usec(2), begin);
}

static void pidfd_get_inode_id(void) {
  pidfd_get_inode_id_t* function = look_up("sd_pidfd_get_inode_id");
  if (!function) return;
  uint64_t id;
  const int result = function(number(0, -1), &id);
  print_result(result);
  if (result >= 0) printf("\t%ju", (uintmax_t)id);
}

static void booted(void) { print_result(sd_booted()); }

static void watchdog_enabled(void) {
  uint64_t timeout;
  const int result = sd_watchdog_enabled(flag(0), &timeout);
  print_result(result);
  if (result > 0) printf("\t%ju", (uintmax_t)timeout);
}

// --- Further functions for the table ---

static void close_fd(void) { print_result(close(number(0, -1)) < 0 ? -errno : 0); }

// Prints which descriptors from one fd to another are close-on-exec.
static void cloexec(void) {
  fputs("0", stdout);
  for (int fd = number(0, 0); fd <= number(1, 0); fd++)
    if (fcntl(fd, F_GETFD) == FD_CLOEXEC) printf("\t%d", fd);
}

static const struct {
  const char* name;
  void (*call)(void);
} functions[] = {
    {"sd_listen_fds", listen_fds},
    {"sd_listen_fds_with_names", listen_fds_with_names},
    {"sd_is_fifo", is_fifo},
    {"sd_is_special", is_special},
    {"sd_is_socket", is_socket},
    {"sd_is_socket_inet", is_socket_inet},
    {"sd_is_socket_sockaddr", is_socket_sockaddr},
    {"sd_is_socket_unix", is_socket_unix},
    {"sd_is_mq", is_mq},
    {"sd_notify", notify},
    {"sd_pid_notify", pid_notify},
    {"sd_pid_notify_with_fds", pid_notify_with_fds},
    {"sd_notify_barrier", notify_barrier},
    {"sd_pid_notify_barrier", pid_notify_barrier},
    {"sd_pidfd_get_inode_id", pidfd_get_inode_id},
    {"sd_booted", booted},
    {"sd_watchdog_enabled", watchdog_enabled},
    {"close", close_fd},
    {"cloexec", cloexec},
};

// --- The lines ---

static bool take(const char** input, const char* token) {
  if (strncmp(*input, token, strlen(token)) != 0) return false;
  *input += strlen(token);
  return true;
}

static ino_t pidfd_inode(void) {
  struct stat st;
  if (fstat(PIDFD, &st) < 0) err(1, "fd %d", PIDFD);
  return st.st_ino;
}

static struct field decode(const char* input) {
  struct field field;
  FILE* out = open_memstream(&field.text, &field.length);
  if (!out) err(1, "open_memstream");
  while (*input != '\0') {
    unsigned byte;
    if (*input == '\\' && sscanf(input, "\\x%2x", &byte) == 1) {
      fputc(byte, out);
      input += 4;
    } else if (take(&input, "$PIDFDID")) {
      fprintf(out, "%ju", (uintmax_t)pidfd_inode());
    } else if (take(&input, "$PID")) {
      fprintf(out, "%jd", (intmax_t)getpid());
    } else if (take(&input, "$HEXPID")) {
      fprintf(out, "%x", getpid());
    } else if (take(&input, "$OCTPID")) {
      fprintf(out, "%o", getpid());
    } else if (take(&input, "$PPID")) {
      fprintf(out, "%jd", (intmax_t)getppid());
    } else {
      fputc(*input++, out);
    }
  }
  fclose(out);
  return field;
}

// Makes the variables at the beginning of a line the whole environment. Returns the next field.
static char* set_environment(char** rest) {
  clearenv();
  for (char* input; (input = strsep(rest, "\t"));) {
    char* equals = strchr(input, '=');
    if (!equals) return input;
    *equals = '\0';
    struct field value = decode(equals + 1);
    if (setenv(input, value.text, 1) < 0) err(1, "%s", input);
    free(value.text);
  }
  errx(1, "a line without a function");
}

static void answer(char* line) {
  const char* name = set_environment(&line);
  argument_count = 0;
  for (char* input; (input = strsep(&line, "\t"));) {
    if (argument_count == FIELDS_MAX) errx(1, "%s: more than %d arguments", name, FIELDS_MAX);
    arguments[argument_count++] = decode(input);
  }

  size_t i = 0;
  while (i < sizeof functions / sizeof *functions && strcmp(name, functions[i].name) != 0) i++;
  if (i == sizeof functions / sizeof *functions) errx(1, "%s: no such function", name);
  functions[i].call();

  for (char** variable = environ; variable && *variable; variable++)
    printf("\t%.*s=", (int)strcspn(*variable, "="), *variable);
  putchar('\n');
  while (argument_count > 0) free(arguments[--argument_count].text);
}

// Prints the file of the loaded library, which shows its version.
static void print_library(void) {
  FILE* maps = fopen("/proc/self/maps", "r");
  if (!maps) err(1, "/proc/self/maps");
  char* line = NULL;
  for (size_t size = 0; getline(&line, &size, maps) >= 0;) {
    if (!strstr(line, "/libsystemd.so.")) continue;
    fputs(strchr(line, '/'), stdout);
    break;
  }
  free(line);
  fclose(maps);
}

int main(int argc, char** argv) {
  if (argc == 3 && strcmp(argv[1], "mq_unlink") == 0) {
    if (mq_unlink(argv[2]) < 0) err(1, "%s", argv[2]);
    return 0;
  }
  if (argc != 1) errx(1, "usage: conformance <CALLS, or conformance mq_unlink /NAME");

  char* line = NULL;
  ssize_t length;
  for (size_t size = 0; (length = getline(&line, &size, stdin)) > 0;) {
    if (line[length - 1] == '\n') line[length - 1] = '\0';
    answer(line);
  }
  free(line);
  printf("%jd\t%jd\t", (intmax_t)getpid(), (intmax_t)getppid());
  print_library();
  return 0;
}
