// Calls a function of sd-journal.h, and prints its result.
//
//   journal sendv [FIELD]...
//   journal print PRIORITY TEXT
//   journal stream IDENTIFIER|NULL PRIORITY LEVEL_PREFIX
//
// In an argument \xNN stands for a byte, and {N} at its end for N letters.
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

// Declared here, so that the tests don't need sd-journal.h.
int sd_journal_sendv(const struct iovec* iov, int n);
int sd_journal_print(int priority, const char* format, ...);
int sd_journal_stream_fd(const char* identifier, int priority, int level_prefix);

static struct iovec decode(const char* text) {
  const char* brace = strrchr(text, '{');
  const size_t more = brace && text[strlen(text) - 1] == '}' ? strtoul(brace + 1, NULL, 10) : 0;
  const char* end = more > 0 ? brace : text + strlen(text);
  char* bytes = calloc(1, strlen(text) + more + 1);
  if (!bytes) err(1, "calloc");
  size_t length = 0;
  while (text < end) {
    unsigned byte;
    if (sscanf(text, "\\x%2x", &byte) == 1) {
      bytes[length++] = byte;
      text += 4;
    } else {
      bytes[length++] = *text++;
    }
  }
  memset(bytes + length, 'x', more);
  return (struct iovec){bytes, length + more};
}

static int sendv(int count, char** fields) {
  struct iovec* all = calloc(count + 1, sizeof *all);
  if (!all) err(1, "calloc");
  for (int i = 0; i < count; i++) all[i] = decode(fields[i]);
  const int result = sd_journal_sendv(all, count);
  for (int i = 0; i < count; i++) free(all[i].iov_base);
  free(all);
  return result;
}

static int print(const char* priority, const char* argument) {
  char* text = decode(argument).iov_base;
  const int result = sd_journal_print(atoi(priority), "%s", text);
  free(text);
  return result;
}

static int stream(const char* argument, const char* priority, const char* level_prefix) {
  char* identifier = strcmp(argument, "NULL") == 0 ? NULL : decode(argument).iov_base;
  const int fd = sd_journal_stream_fd(identifier, atoi(priority), atoi(level_prefix));
  free(identifier);
  return fd > 0 ? dprintf(fd, "a line\n") > 0 : fd;
}

int main(int argc, char** argv) {
  int result;
  if (argc >= 2 && strcmp(argv[1], "sendv") == 0) {
    result = sendv(argc - 2, argv + 2);
  } else if (argc == 4 && strcmp(argv[1], "print") == 0) {
    result = print(argv[2], argv[3]);
  } else if (argc == 5 && strcmp(argv[1], "stream") == 0) {
    result = stream(argv[2], argv[3], argv[4]);
  } else {
    errx(2, "unknown arguments");
  }
  printf("%d\n", result);
}
