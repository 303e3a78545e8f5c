// A call from JavaScript: converts its arguments to C, and its results back. All arguments are
// checked before the C function is called, so each fits its C type exactly. An argument that does
// not fit is an error with Node's code (ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE,
// ERR_INVALID_ARG_VALUE) and a message that says which value came.
#ifndef LIBSYSTEMD_CALL_H_
#define LIBSYSTEMD_CALL_H_

#include <node_api.h>

#include <algorithm>
#include <climits>
#include <cstdint>
#include <cstdlib>
#include <memory>

// The parameters of the add-on's functions: each add-on has its own.
#ifdef LIBSYSTEMD_SOCKETS
#include "sockets/parameters.h"
#else
#include "parameters.h"
#endif

namespace libsystemd {

// The type of a parameter.
enum class Type : uint8_t {
  kInt,  // An fd too: the system checks whether it is open (for -1 it returns EBADF).
  kUint16,
  kUint64,        // A bigint, or a number up to Number.MAX_SAFE_INTEGER.
  kOffset,        // A number from 0 to Number.MAX_SAFE_INTEGER.
  kFlag,          // A boolean, or as in C an int, which is true unless it is 0.
  kText,          // A string without a null character, because C would silently stop there.
  kOptionalText,  // A string, or null or undefined for C's NULL.
  kUnixPath,      // A kOptionalText or a kBytes.
  kBytes,         // A copy of a Uint8Array, which nobody can change, with a NUL after its end.
  kBuffer,        // The caller's own Uint8Array.
  kFds,           // Reading the array may run JavaScript, which may free a kBuffer before it.
  kFunction,
};

enum Parameter : uint8_t {
  kNone,
#define X(constant, name, type) constant,
  LIBSYSTEMD_PARAMETERS(X)
#undef X
};

constexpr size_t kMostParameters = 5;

struct Free {
  void operator()(void* memory) const { free(memory); }
};

// An argument in C: a number; or `data`, which points to a text, or to `length` bytes or
// descriptors, or is the napi_value of a function.
struct Argument {
  int64_t number = 0;
  size_t length = 0;
  void* data = nullptr;
  std::unique_ptr<char, Free> owned;
  char small[256];  // For a short text, instead of `owned`. Not cleared, because that takes time.
};

class Call {
 public:
  explicit Call(napi_env env) : env_(env) {}

  // Reads all arguments. False when one does not fit: then a JavaScript exception is pending.
  bool Read(const Parameter (&parameters)[kMostParameters],
            const napi_value (&values)[kMostParameters]);

  // The argument at this position. The parameter there must be of a matching type.
  int Int(size_t place) const { return static_cast<int>(arguments_[place].number); }
  int64_t Int64(size_t place) const { return arguments_[place].number; }
  const char* Text(size_t place) const { return static_cast<const char*>(Data(place)); }
  const int* Ints(size_t place) const { return static_cast<const int*>(Data(place)); }
  void* Data(size_t place) const { return arguments_[place].data; }
  // The number of bytes or descriptors; 0 for a text.
  size_t Length(size_t place) const { return arguments_[place].length; }
  // Length() as an int, for calls that take or return an int. No caller passes INT_MAX bytes or
  // more.
  int IntLength(size_t place) const {
    return static_cast<int>(std::min<size_t>(Length(place), INT_MAX));
  }
  napi_value Callback(size_t place) const { return static_cast<napi_value>(Data(place)); }

  // Each call adds one out-parameter. The order is C's.
  void OutNumber(double number);
  void OutBigInt(uint64_t number);
  void OutText(const char* text);  // nullptr becomes undefined.
  void OutTexts(const char* const* texts, int count);

  // The value to return to JavaScript: the C int, or an array of the int and the out-parameters.
  napi_value Answer(int result);

  napi_env Env() const { return env_; }

 private:
  const napi_env env_;
  Argument arguments_[kMostParameters];
  napi_value out_[2] = {};
  size_t outs_ = 0;
};

}  // namespace libsystemd

#endif  // LIBSYSTEMD_CALL_H_
