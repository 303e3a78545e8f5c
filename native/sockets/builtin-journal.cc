#include "builtin-journal.h"

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "sealed-entry.h"

namespace libsystemd {
namespace builtin {
namespace {

constexpr struct sockaddr_un kSocket = {AF_UNIX, "/run/systemd/journal/socket"};
constexpr struct sockaddr_un kStdout = {AF_UNIX, "/run/systemd/journal/stdout"};
constexpr char kIdentifier[] = "SYSLOG_IDENTIFIER=";

// Bytes that grow. Without memory `data` is nullptr, and stays so.
struct Bytes {
  char* data = static_cast<char*>(malloc(1));
  size_t size = 0;

  ~Bytes() { free(data); }

  void Add(const void* more, size_t length) {
    char* const larger = data ? static_cast<char*>(realloc(data, size + length + 1)) : nullptr;
    if (!larger) free(data);
    data = larger;
    if (!data) return;
    memcpy(data + size, more, length);
    size += length;
  }

  void Add(const char* text) { Add(text, strlen(text)); }
};

// A field, of which the value begins at `value`.
struct Field {
  const char* bytes;
  size_t size;
  size_t value;

  bool HasLineBreak() const { return memchr(bytes + value, '\n', size - value); }
};

int ReadField(const struct iovec& part, Field* field) {
  const auto* bytes = static_cast<const char*>(part.iov_base);
  if (!bytes || part.iov_len <= 1) return -EINVAL;
  const auto* equals = static_cast<const char*>(memchr(bytes, '=', part.iov_len));
  if (!equals || equals == bytes || memchr(bytes, '\n', equals - bytes)) return -EINVAL;
  *field = {bytes, part.iov_len, static_cast<size_t>(equals - bytes) + 1};
  return 0;
}

// A value with a line break goes with its length: systemd.io/JOURNAL_NATIVE_PROTOCOL.
void AddField(Bytes* entry, const Field& field) {
  if (!field.HasLineBreak()) {
    entry->Add(field.bytes, field.size);
  } else {
    const uint64_t length = field.size - field.value;
    unsigned char digits[sizeof(length)];
    for (size_t i = 0; i < sizeof(digits); i++) digits[i] = length >> (8 * i) & 0xff;
    entry->Add(field.bytes, field.value - 1);
    entry->Add("\n");
    entry->Add(digits, sizeof(digits));
    entry->Add(field.bytes + field.value, length);
  }
  entry->Add("\n");
}

// Waits for journald, as libsystemd does. Without a journal there is nothing to do.
int Send(const Bytes& entry) {
  const int fd = OrErrno(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (fd < 0) return fd;
  EnlargeSendBuffer(fd);
  const auto* to = reinterpret_cast<const struct sockaddr*>(&kSocket);
  int result = OrErrno(sendto(fd, entry.data, entry.size, MSG_NOSIGNAL, to, sizeof(kSocket)));
  if (result == -EMSGSIZE || result == -ENOBUFS) {
    result = SendSealed(fd, &kSocket, entry.data, entry.size, MSG_NOSIGNAL);
  }
  close(fd);
  return result == -ENOENT || result >= 0 ? 0 : result;
}

}  // namespace

int sd_journal_sendv(const struct iovec* iov, int n) {
  // libsystemd passes each part of a field to the kernel by itself, and the kernel takes so many.
  constexpr int kMostParts = 1024, kOfField = 2, kOfFramed = 5, kOfIdentifier = 3;
  if (!iov || n <= 0) return -EINVAL;
  Bytes entry;
  bool has_identifier = false;
  int parts = 0;
  for (int i = 0; i < n; i++) {
    Field field;
    if (const int result = ReadField(iov[i], &field); result < 0) return result;
    has_identifier |=
        field.value == strlen(kIdentifier) && memcmp(field.bytes, kIdentifier, field.value) == 0;
    parts += field.HasLineBreak() ? kOfFramed : kOfField;
    AddField(&entry, field);
  }
  if (!has_identifier) {
    entry.Add(kIdentifier);
    entry.Add(program_invocation_short_name);
    entry.Add("\n");
    parts += kOfIdentifier;
  }
  if (!entry.data) return -ENOMEM;
  return parts > kMostParts ? -EINVAL : Send(entry);
}

int sd_journal_print(int priority, const char* text) {
  constexpr char kMessage[] = "MESSAGE=";
  constexpr size_t kTooLong = (1 << 20) - sizeof(kMessage) + 1;
  constexpr char kBlanks[] = " \t\n\r";
  if (priority < 0 || priority > 7) return -EINVAL;
  size_t length = strlen(text);
  if (length >= kTooLong) return -ENOBUFS;
  while (length > 0 && strchr(kBlanks, text[length - 1])) length--;
  if (length == 0) return 0;
  Bytes message;
  message.Add(kMessage);
  message.Add(text, length);
  char number[] = "PRIORITY=0";
  number[strlen(number) - 1] += priority;
  if (!message.data) return -ENOMEM;
  const struct iovec fields[] = {{message.data, message.size}, {number, strlen(number)}};
  return sd_journal_sendv(fields, 2);
}

int sd_journal_stream_fd(const char* identifier, int priority, int level_prefix) {
  if (priority < 0 || priority > 7) return -EINVAL;
  const int fd = OrErrno(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (fd < 0) return fd;
  int result =
      OrErrno(connect(fd, reinterpret_cast<const struct sockaddr*>(&kStdout), sizeof(kStdout)));
  if (result == 0) result = OrErrno(shutdown(fd, SHUT_RD));
  if (result == 0) {
    EnlargeSendBuffer(fd);
    // The identifier, no unit, the priority, whether lines have one of their own, and where else
    // the lines go: to syslog, to the log of the kernel, to the console.
    Bytes header;
    const char settings[] = {static_cast<char>('0' + priority), '\n', level_prefix ? '1' : '0',
                             '\n', '\0'};
    header.Add(identifier ? identifier : "");
    header.Add("\n\n");
    header.Add(settings);
    header.Add("0\n0\n0\n");
    result = header.data ? WriteAll(fd, header.data, header.size) : -ENOMEM;
  }
  if (result == 0) return fd;
  close(fd);
  return result;
}

}  // namespace builtin
}  // namespace libsystemd
