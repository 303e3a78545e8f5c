// How the built-in functions read the environment.
#ifndef LIBSYSTEMD_BUILTIN_ENVIRONMENT_H_
#define LIBSYSTEMD_BUILTIN_ENVIRONMENT_H_

#include <cstdint>
#include <cstdlib>
#include <cstring>

namespace libsystemd {
namespace builtin {

// Removes variables at the end of a call, also of one that fails, as unset_environment asks. The
// values must not be used afterwards, because the C library may free them.
struct Unset {
  const bool is_asked;
  const char* const names;  // Each with its NUL, and an empty name at the end.

  ~Unset() {
    if (!is_asked) return;
    for (const char* name = names; *name; name += strlen(name) + 1) unsetenv(name);
  }
};

struct Number {
  bool is_negative = false;
  bool is_seen = false;  // libsystemd has seen the minus sign, see ReadUnsigned().
  uint64_t magnitude = 0;
};

// Reads a number in C's notations, and with the prefixes 0b and 0o. 0, or
//
// - -ERANGE: the magnitude is above `most`, whatever follows the digits.
// - -EINVAL: the text up to `end` is no number.
//
// White space and a sign may come before the digits. Before 0b and 0o only some white space may
// come, and after them the same as before other digits: libsystemd removes these two prefixes
// itself, and passes the rest to strtoull(3). This is no call of strtoull(3), because C23 has
// changed its meaning, and glibc its symbol.
int ReadNumber(const char* text, char end, uint64_t most, Number* number);

// Reads a number from 0 to `most`, which is INT_MAX or more. -ERANGE for a negative number. But
// libsystemd looks for the minus sign behind less white space than strtoull(3) skips: where there
// is more, the number counts as strtoull(3) returns it, as a large one.
int ReadUnsigned(const char* text, char end, uint64_t most, uint64_t* value);

// 1 for the number of this process, 0 for that of another one, or -errno.
int IsOwnPid(const char* text);

}  // namespace builtin
}  // namespace libsystemd

#endif  // LIBSYSTEMD_BUILTIN_ENVIRONMENT_H_
