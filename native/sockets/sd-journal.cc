// The functions of sd-journal.h that write, without the printf forms: of libsystemd, or built in
// where it can't be loaded. They are here because a service that never calls them should not load
// them. Every libsystemd.so.0 has all of them.
#include <dlfcn.h>

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "addon.h"
#include "builtin-journal.h"

namespace libsystemd {
namespace {

// libsystemd, which stays loaded; nullptr when it can't be loaded now.
void* Library() {
  static std::atomic<void*> library;
  if (void* known = library) return known;
  return library = dlopen("libsystemd.so.0", RTLD_NOW | RTLD_LOCAL);
}

// A function of libsystemd; nullptr without it.
template <typename Function>
Function* Find(const char* name) {
  void* const library = Library();
  return library ? reinterpret_cast<Function*>(dlsym(library, name)) : nullptr;
}

// int sd_journal_sendv(const struct iovec *iov, int n)
// JavaScript passes all fields in a row, and their lengths as numbers of 32 bits. -EINVAL when the
// lengths are not those of the fields.
int JournalSendv(Call& call) {
  const size_t count = call.Length(1) / sizeof(uint32_t);
  auto* parts = static_cast<struct iovec*>(calloc(count + 1, sizeof(struct iovec)));
  if (!parts) return -ENOMEM;
  auto* at = static_cast<char*>(call.Data(0));
  size_t left = call.Length(0);
  int result = 0;
  for (size_t i = 0; i < count && result == 0; i++) {
    uint32_t length = 0;
    memcpy(&length, static_cast<char*>(call.Data(1)) + i * sizeof(length), sizeof(length));
    if (length > left) result = -EINVAL;
    parts[i] = {at, length};
    at += length;
    left -= length;
  }
  using Sendv = int(const struct iovec*, int);
  Sendv* const sendv = Find<Sendv>("sd_journal_sendv");
  if (result == 0) result = (sendv ? sendv : builtin::sd_journal_sendv)(parts, count);
  free(parts);
  return result;
}

// int sd_journal_print(int priority, const char *format, ...)
// The text is never the format.
int JournalPrint(Call& call) {
  auto* const print = Find<int(int, const char*, ...)>("sd_journal_print");
  return print ? print(call.Int(0), "%s", call.Text(1))
               : builtin::sd_journal_print(call.Int(0), call.Text(1));
}

// int sd_journal_stream_fd(const char *identifier, int priority, int level_prefix)
int JournalStreamFd(Call& call) {
  using StreamFd = int(const char*, int, int);
  StreamFd* const stream_fd = Find<StreamFd>("sd_journal_stream_fd");
  return (stream_fd ? stream_fd : builtin::sd_journal_stream_fd)(call.Text(0), call.Int(1),
                                                                 call.Int(2));
}

constexpr Function kFunctions[] = {
    {"sd_journal_sendv", {kFields, kLengths}, JournalSendv},
    {"sd_journal_print", {kPriority, kMessageText}, JournalPrint},
    {"sd_journal_stream_fd", {kIdentifier, kPriority, kLevelPrefix}, JournalStreamFd},
};

}  // namespace

void ExportSdJournal(Napi::Object exports) {
  Export(exports, kFunctions);
}

}  // namespace libsystemd
