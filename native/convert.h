// JavaScript to C and back. Every argument is checked here and nowhere else: what comes out of
// these functions fits its C type exactly, and what doesn't fit throws what Node itself throws
// (ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE, ERR_INVALID_ARG_VALUE), saying what came.
#ifndef LIBSYSTEMD_CONVERT_H_
#define LIBSYSTEMD_CONVERT_H_

#include <napi.h>

#include <cstdint>
#include <initializer_list>
#include <limits>
#include <optional>
#include <string>
#include <vector>

namespace libsystemd {

// Thrown in C++ once an exception waits in JavaScript, to leave a function from any depth.
struct Thrown {};

// A number that is exactly one value from min to max: no fraction, no NaN, nothing cut.
double ToIntegerBetween(const Napi::Value& value, const char* name, double min, double max);

// A number as the C integer type T.
template <typename T = int>
T ToInteger(const Napi::Value& value, const char* name) {
  static_assert(sizeof(T) <= sizeof(int32_t), "a double must hold every value of T");
  using Limits = std::numeric_limits<T>;
  return static_cast<T>(ToIntegerBetween(value, name, Limits::min(), Limits::max()));
}

// Any int: whether it is an open descriptor is for the system to say (-1 comes back as EBADF).
inline int ToFd(const Napi::Value& value, const char* name = "fd") {
  return ToInteger<int>(value, name);
}

// uint64_t from a bigint, or from a number that counts exactly.
uint64_t ToUint64(const Napi::Value& value, const char* name);

bool ToBool(const Napi::Value& value, const char* name);

// UTF-8 without a NUL, because C would silently stop reading there. `advice` ends that message.
std::string ToString(const Napi::Value& value, const char* name, const char* advice = "");

// A path that may be left out: null and undefined are C's NULL.
std::optional<std::string> ToOptionalString(const Napi::Value& value, const char* name,
                                            const char* advice = "");

inline const char* CStr(const std::optional<std::string>& text) {
  return text ? text->c_str() : nullptr;
}

bool IsBytes(const Napi::Value& value);

// A view of the caller's own bytes, valid during the call.
Napi::Uint8Array ToBuffer(const Napi::Value& value, const char* name);

// A copy of the bytes: the caller cannot change it meanwhile, and a NUL follows the last one.
std::string ToBytes(const Napi::Value& value, const char* name);

std::vector<int> ToFds(const Napi::Value& value, const char* name);

// The C int as it came.
Napi::Value Result(const Napi::CallbackInfo& info, int result);

// The C int, then the out-parameters in their C order.
Napi::Value Result(const Napi::CallbackInfo& info, int result,
                   std::initializer_list<napi_value> out);

}  // namespace libsystemd

#endif  // LIBSYSTEMD_CONVERT_H_
