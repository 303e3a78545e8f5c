#include "libsystemd.h"

#include <dlfcn.h>
#include <features.h>

#include <type_traits>

#if __has_include(<systemd/sd-daemon.h>)
#include <systemd/sd-daemon.h>

// Declared once more, for what an older header does not know yet; what it knows must agree.
#define X(name, parameters) extern "C" int name parameters;
LIBSYSTEMD_FUNCTIONS(X)
#undef X
#define X(name, parameters)                                                               \
  static_assert(std::is_same_v<decltype(&::name), decltype(libsystemd::Functions::name)>, \
                #name " differs from the installed systemd/sd-daemon.h");
LIBSYSTEMD_FUNCTIONS(X)
#undef X
#endif

// glibc 2.34 moved dlopen and dlsym into libc under a new version. They are the same functions, so
// ask for the old names: the add-on then needs no newer glibc than Node itself.
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

// Never closed: the table lives as long as the process, and several threads may use it.
void* Open() {
  return dlopen("libsystemd.so.0", RTLD_NOW | RTLD_LOCAL);
}

void Resolve(void* handle, const char* name, void** function) {
  if (void* symbol = dlsym(handle, name)) *function = symbol;
}

Functions Load() {
  Functions functions;
  void* handle = Open();
  if (!handle) return functions;
#define X(name, parameters) Resolve(handle, #name, reinterpret_cast<void**>(&functions.name));
  LIBSYSTEMD_FUNCTIONS(X)
#undef X
  return functions;
}

}  // namespace

const Functions& Libsystemd() {
  static const Functions functions = Load();
  return functions;
}

std::optional<std::string> Missing(const char* function) {
  void* handle = Open();
  if (handle && dlsym(handle, function)) return std::nullopt;
  const char* reason = dlerror();
  return reason ? reason : "unknown error of the dynamic loader";
}

}  // namespace libsystemd
