#include "libsystemd.h"

#include <dlfcn.h>
#include <features.h>

#include <atomic>
#include <cstring>
#include <type_traits>

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

// glibc 2.34 moved dlopen, dlsym and dlerror into libc, with a new symbol version. They are the
// same functions, so this file asks for the old version: the add-on then needs no newer glibc than
// Node.
#ifdef __GLIBC__
#if defined(__x86_64__)
#define OLDEST "GLIBC_2.2.5"
#elif defined(__aarch64__) || (defined(__powerpc64__) && defined(__LITTLE_ENDIAN__))
#define OLDEST "GLIBC_2.17"
#elif defined(__arm__)
#define OLDEST "GLIBC_2.4"
#elif defined(__s390x__)
#define OLDEST "GLIBC_2.2"
#elif defined(__riscv) && __riscv_xlen == 64
#define OLDEST "GLIBC_2.27"
#endif
#ifdef OLDEST
__asm__(".symver dlopen,dlopen@" OLDEST);
__asm__(".symver dlsym,dlsym@" OLDEST);
__asm__(".symver dlerror,dlerror@" OLDEST);
#undef OLDEST
#endif
#endif

namespace libsystemd {
namespace {

// The library is never closed, because the table of functions lives as long as the process.
void* Open() {
  return dlopen("libsystemd.so.0", RTLD_NOW | RTLD_LOCAL);
}

// The names of the functions in the order of struct Functions, each with its NUL, and an empty name
// at the end.
constexpr char kNames[] =
#define X(name, parameters) #name "\0"
    LIBSYSTEMD_FUNCTIONS(X);
#undef X

// The table of functions; without a handle, every function is Unavailable. A loop, because one line
// for each function makes the add-on larger.
Functions Load(void* handle) {
  static_assert(std::is_standard_layout_v<Functions>);
  Functions functions;
  auto* function = reinterpret_cast<void**>(&functions);
  for (const char* name = kNames; handle && *name; name += strlen(name) + 1, function++) {
    if (void* symbol = dlsym(handle, name)) *function = symbol;
  }
  return functions;
}

}  // namespace

const Functions& Libsystemd() {
  static const Functions none = Load(nullptr);
  static std::atomic<bool> opened = false;
  // A library that can't be opened now, because no descriptor is left, may open at a later call. A
  // library that was opened once stays open.
  if (!opened) {
    if (!Open()) return none;
    opened = true;
  }
  static const Functions functions = Load(Open());
  return functions;
}

const char* Missing(const char* function) {
  void* handle = Open();
  if (handle && dlsym(handle, function)) return nullptr;
  const char* reason = dlerror();
  return reason ? reason : "unknown error of the dynamic loader";
}

void* FunctionOf(const char* file, const char* name) {
  void* handle = dlopen(file, RTLD_LAZY | RTLD_NOLOAD);
  return handle ? dlsym(handle, name) : nullptr;
}

}  // namespace libsystemd
