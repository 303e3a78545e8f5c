#include "builtin-environment.h"

#include <unistd.h>

#include <cerrno>
#include <climits>

namespace libsystemd {
namespace builtin {
namespace {

unsigned DigitOf(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = c | 0x20;
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : UINT_MAX;
}

bool IsPrefix(const char* text, char letter) {
  return text[0] == '0' && (text[1] | 0x20) == letter;
}

}  // namespace

int ReadNumber(const char* text, char end, uint64_t most, Number* number) {
  unsigned base = 0;
  const char* at = text + strspn(text, " \t\n\r");
  if (IsPrefix(at, 'b')) base = 2;
  if (IsPrefix(at, 'o')) base = 8;
  if (base > 0) at += 2;
  number->is_seen = *at == '-';
  at += strspn(at, " \t\n\v\f\r");
  number->is_negative = *at == '-';
  if (*at == '-' || *at == '+') at++;
  if (base == 0) {
    base = *at == '0' ? 8 : 10;
    if (IsPrefix(at, 'x')) {
      base = 16;
      at += 2;
    }
  }
  const char* const first = at;
  bool is_above = false;
  for (; DigitOf(*at) < base; at++) {
    is_above |= __builtin_mul_overflow(number->magnitude, base, &number->magnitude);
    is_above |= __builtin_add_overflow(number->magnitude, DigitOf(*at), &number->magnitude);
  }
  if (is_above || number->magnitude > most) return -ERANGE;
  return at == first || *at != end ? -EINVAL : 0;
}

int ReadUnsigned(const char* text, char end, uint64_t most, uint64_t* value) {
  Number number;
  // libsystemd reads an unsigned long, and only then compares it with a lower limit.
  const uint64_t limit = most > ULONG_MAX ? most : ULONG_MAX;
  const int result = ReadNumber(text, end, limit, &number);
  if (result < 0) return result;
  if (number.is_seen && number.magnitude > 0) return -ERANGE;
  *value = number.is_negative ? (0 - number.magnitude) & limit : number.magnitude;
  return *value > most ? -ERANGE : 0;
}

int IsOwnPid(const char* text) {
  uint64_t pid = 0;
  const int result = ReadUnsigned(text, '\0', INT_MAX, &pid);
  if (result < 0) return result;
  return pid == 0 ? -ERANGE : pid == static_cast<uint64_t>(getpid());
}

}  // namespace builtin
}  // namespace libsystemd
