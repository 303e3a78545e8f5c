// A call from JavaScript: its arguments to C, its results back. All arguments are checked here, and
// before the function is called: what it reads fits its C type exactly. What doesn't fit throws
// what Node itself throws (ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE, ERR_INVALID_ARG_VALUE), saying
// what came.
#ifndef LIBSYSTEMD_CALL_H_
#define LIBSYSTEMD_CALL_H_

#include <napi.h>

#include <algorithm>
#include <climits>
#include <cstdint>
#include <memory>

namespace libsystemd {

// What a parameter takes.
enum class Type : uint8_t {
  kInt,  // Of an fd, too: whether it is open is for the system to say (-1 comes back as EBADF).
  kUint16,
  kUint64,  // A bigint, or a number up to Number.MAX_SAFE_INTEGER.
  kOffset,  // A number from 0 to Number.MAX_SAFE_INTEGER.
  kBool,
  kText,          // UTF-8 without a NUL, because C would silently stop reading there.
  kOptionalText,  // May be left out: null and undefined are C's NULL.
  kUnixPath,      // kOptionalText, or kBytes.
  kBytes,         // A copy: the caller can't change it meanwhile, and a NUL follows the last one.
  kBuffer,        // The caller's own bytes.
  kFds,           // To read it may run JavaScript, which may free what a kBuffer before it has.
};

// All parameters: X(constant, name, type). The name is C's.
#define LIBSYSTEMD_PARAMETERS(X)        \
  X(kAddr, "addr", kBytes)              \
  X(kAddress, "address", kBytes)        \
  X(kAf, "af", kInt)                    \
  X(kBacklog, "backlog", kInt)          \
  X(kBuffer, "buffer", kBuffer)         \
  X(kDst, "dst", kBuffer)               \
  X(kFamily, "family", kInt)            \
  X(kFd, "fd", kInt)                    \
  X(kFds, "fds", kFds)                  \
  X(kFlags, "flags", kInt)              \
  X(kFunction, "function", kText)       \
  X(kLevel, "level", kInt)              \
  X(kListening, "listening", kInt)      \
  X(kLowest, "lowest", kInt)            \
  X(kName, "name", kText)               \
  X(kOffset, "offset", kOffset)         \
  X(kOptname, "optname", kInt)          \
  X(kPath, "path", kOptionalText)       \
  X(kPid, "pid", kInt)                  \
  X(kPidfd, "pidfd", kInt)              \
  X(kPort, "port", kUint16)             \
  X(kSeals, "seals", kInt)              \
  X(kSharedText, "text", kOptionalText) \
  X(kSrc, "src", kText)                 \
  X(kSrcBytes, "src", kBytes)           \
  X(kState, "state", kText)             \
  X(kTimeout, "timeout_usec", kUint64)  \
  X(kType, "type", kInt)                \
  X(kUnixPath, "path", kUnixPath)       \
  X(kUnsetEnvironment, "unset_environment", kBool)

enum Parameter : uint8_t {
  kNone,
#define X(constant, name, type) constant,
  LIBSYSTEMD_PARAMETERS(X)
#undef X
};

constexpr size_t kMostParameters = 5;

// An argument as C has it: a number, or `length` bytes or descriptors at `data`, or a text there.
struct Argument {
  int64_t number = 0;
  size_t length = 0;
  void* data = nullptr;
  std::unique_ptr<char[]> owned;
  char small[256];  // What fits needs no memory of its own. Not cleared, as that takes time.
};

class Call {
 public:
  explicit Call(const Napi::CallbackInfo& info) : info_(info) {}

  // False when one doesn't fit, and then an exception waits in JavaScript.
  bool Read(const Parameter (&parameters)[kMostParameters]);

  // The argument in this place, which has to be of such a type.
  int Int(size_t place) const { return static_cast<int>(arguments_[place].number); }
  int64_t Int64(size_t place) const { return arguments_[place].number; }
  const char* Text(size_t place) const { return static_cast<const char*>(Data(place)); }
  const int* Ints(size_t place) const { return static_cast<const int*>(Data(place)); }
  void* Data(size_t place) const { return arguments_[place].data; }
  // Of bytes and descriptors; of a text 0.
  size_t Length(size_t place) const { return arguments_[place].length; }
  // The same for calls that take or give it as an int. None of them needs that many.
  int IntLength(size_t place) const {
    return static_cast<int>(std::min<size_t>(Length(place), INT_MAX));
  }

  // Add an out-parameter, in C's order.
  void OutNumber(double number);
  void OutBigInt(uint64_t number);
  void OutText(const char* text);  // undefined for NULL
  void OutTexts(const char* const* texts, int count);

  // The C int as it came; with out-parameters an array of it and them.
  Napi::Value Answer(int result);

  Napi::Env Env() const { return info_.Env(); }

 private:
  const Napi::CallbackInfo& info_;
  Argument arguments_[kMostParameters];
  napi_value out_[2];
  size_t outs_ = 0;
};

}  // namespace libsystemd

#endif  // LIBSYSTEMD_CALL_H_
