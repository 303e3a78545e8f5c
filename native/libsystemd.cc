#include "libsystemd.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <type_traits>

#include "builtin.h"

#if __has_include(<systemd/sd-daemon.h>)
#include <systemd/sd-daemon.h>

// Declares the functions that an older header lacks. The compiler checks that the other
// declarations agree with the header.
#define X(name, parameters) extern "C" int name parameters;
LIBSYSTEMD_FUNCTIONS(X)
#undef X
#define X(name, parameters)                                                               \
  static_assert(std::is_same_v<decltype(&::name), decltype(libsystemd::Functions::name)>, \
                #name " differs from the installed systemd/sd-daemon.h");
LIBSYSTEMD_FUNCTIONS(X)
#undef X
#endif

namespace libsystemd {
namespace {

constexpr char kLibrary[] = "libsystemd.so.0";

// The names of the functions in the order of struct Functions, each with its NUL, and an empty name
// at the end.
constexpr char kNames[] =
#define X(name, parameters) #name "\0"
    LIBSYSTEMD_FUNCTIONS(X);
#undef X

// Fills a table from the library, and with the built-in where the library lacks a function. Without
// a handle all functions are built in. A loop, because one line for each function makes the add-on
// larger.
void Fill(void* handle, Implementation* table) {
  static_assert(std::is_standard_layout_v<Functions>);
  table->functions = {
#define X(name, parameters) builtin::name,
      LIBSYSTEMD_FUNCTIONS(X)
#undef X
  };
  table->library = handle ? kLibrary : nullptr;
  table->builtin_count = 0;
  auto* function = reinterpret_cast<void**>(&table->functions);
  for (const char* name = kNames; *name; name += strlen(name) + 1, function++) {
    void* symbol = handle ? dlsym(handle, name) : nullptr;
    if (symbol) {
      *function = symbol;
    } else {
      table->builtin[table->builtin_count++] = name;
    }
  }
}

// True while this process or the machine can open no more files. The loader reports that as a text
// only, and the text depends on the language.
bool CanOpenNothing() {
  const int fd = open("/", O_RDONLY | O_CLOEXEC);
  if (fd >= 0) close(fd);
  return fd < 0 && (errno == EMFILE || errno == ENFILE);
}

// The table that stays, and the one for as long as no file can be opened.
Implementation chosen, interim;
std::atomic<bool> is_chosen = false;
pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

// The library is never closed, because the table lives as long as the process.
const Implementation& Choose() {
  if (is_chosen) return chosen;
  void* handle = dlopen(kLibrary, RTLD_NOW | RTLD_LOCAL);
  if (!handle && CanOpenNothing()) {
    if (!interim.functions.sd_booted) Fill(nullptr, &interim);
    return interim;
  }
  Fill(handle, &chosen);
  is_chosen = true;
  return chosen;
}

}  // namespace

const Implementation& Libsystemd() {
  if (is_chosen) return chosen;
  pthread_mutex_lock(&lock);
  const Implementation& table = Choose();
  pthread_mutex_unlock(&lock);
  return table;
}

void* FunctionOf(const char* file, const char* name) {
  void* handle = dlopen(file, RTLD_LAZY | RTLD_NOLOAD);
  return handle ? dlsym(handle, name) : nullptr;
}

}  // namespace libsystemd
