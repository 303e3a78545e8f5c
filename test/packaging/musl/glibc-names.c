// The functions of glibc that Debian's libstdc++ and libgcc_s need and musl lacks, so that a
// program of musl that is linked with libstdc++ runs on Debian. On Alpine these libraries are made
// for musl. The add-on needs none of this.
#include <locale.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/random.h>
#include <time.h>

char __libc_single_threaded = 0;
struct {
  unsigned vendor, type, subtype, features;
} __cpu_model;

int __cpu_indicator_init(void) {
  return 0;
}
size_t __strftime_l(char* text, size_t size, const char* format, const struct tm* time,
                    locale_t locale) {
  return strftime_l(text, size, format, time, locale);
}
uint32_t arc4random(void) {
  uint32_t number = 0;
  getrandom(&number, sizeof number, 0);
  return number;
}
int __cxa_thread_atexit_impl(void (*call)(void*), void* object, void* library) {
  return (void)call, (void)object, (void)library, 0;
}
// For exceptions of C++: none is found.
int _dl_find_object(void* address, void* result) {
  return (void)address, (void)result, -1;
}
