#include "convert.h"

#include <cmath>
#include <cstdarg>
#include <cstdio>
#include <cstring>

namespace libsystemd {
namespace {

// printf into a string. A bigint may have more digits than there is room for: then dots end it.
[[gnu::format(printf, 1, 2)]] std::string Format(const char* format, ...) {
  char text[512];
  va_list arguments;
  va_start(arguments, format);
  const int length = vsnprintf(text, sizeof(text), format, arguments);
  va_end(arguments);
  if (length >= static_cast<int>(sizeof(text))) memcpy(text + sizeof(text) - 4, "...", 4);
  return text;
}

constexpr size_t kLongestText = 40;

// What came, in the words Node uses: "type string ('abc')".
std::string Received(const Napi::Value& value) {
  char text[kLongestText + 4] = "";
  size_t length = 0;
  napi_get_value_string_utf8(value.Env(), value, text, kLongestText + 1, &length);
  switch (value.Type()) {
    case napi_undefined:
      return "undefined";
    case napi_null:
      return "null";
    case napi_boolean:
      return value.ToBoolean() ? "type boolean (true)" : "type boolean (false)";
    case napi_number:
      return Format("type number (%s)", value.ToString().Utf8Value().c_str());
    case napi_bigint:
      return "type bigint";
    case napi_string:
      return Format("type string (\'%s\'%s)", text, length == kLongestText ? "..." : "");
    case napi_symbol:
      return "type symbol";
    case napi_function:
      return "a function";
    default:
      return value.IsArray() ? "an array" : "an object";
  }
}

[[noreturn]] void ThrowType(const Napi::Value& value, const char* name, const char* wanted) {
  const std::string message =
      Format("The \"%s\" argument must be %s. Received %s", name, wanted, Received(value).c_str());
  napi_throw_type_error(value.Env(), "ERR_INVALID_ARG_TYPE", message.c_str());
  throw Thrown();
}

[[noreturn]] void ThrowRange(napi_env env, const char* name, const char* wanted,
                             const std::string& received) {
  const std::string message =
      Format("The value of \"%s\" is out of range. It must be %s. Received %s", name, wanted,
             received.c_str());
  napi_throw_range_error(env, "ERR_OUT_OF_RANGE", message.c_str());
  throw Thrown();
}

[[noreturn]] void ThrowNul(napi_env env, const char* name, const char* advice) {
  const std::string message =
      Format("The argument \"%s\" must be a string without null bytes%s", name, advice);
  napi_throw_type_error(env, "ERR_INVALID_ARG_VALUE", message.c_str());
  throw Thrown();
}

// Written so that NaN fails it too.
bool IsIntegerBetween(double number, double min, double max) {
  return number >= min && number <= max && number == std::trunc(number);
}

}  // namespace

double ToIntegerBetween(const Napi::Value& value, const char* name, double min, double max) {
  double number = 0;
  if (napi_get_value_double(value.Env(), value, &number) != napi_ok) {
    ThrowType(value, name, "of type number");
  }
  if (!IsIntegerBetween(number, min, max)) {
    const std::string wanted = Format("an integer from %.0f to %.0f", min, max);
    ThrowRange(value.Env(), name, wanted.c_str(), value.ToString());
  }
  return number;
}

uint64_t ToUint64(const Napi::Value& value, const char* name) {
  constexpr double kMaxSafeInteger = 9007199254740991.0;
  constexpr char kWanted[] = "an integer from 0 to Number.MAX_SAFE_INTEGER, or a bigint of 64 bits";
  if (value.IsBigInt()) {
    bool lossless = false;
    const uint64_t number = value.As<Napi::BigInt>().Uint64Value(&lossless);
    if (!lossless) ThrowRange(value.Env(), name, kWanted, value.ToString());
    return number;
  }
  if (!value.IsNumber()) ThrowType(value, name, "of type number or bigint");
  const double number = value.As<Napi::Number>();
  if (!IsIntegerBetween(number, 0, kMaxSafeInteger)) {
    ThrowRange(value.Env(), name, kWanted, value.ToString());
  }
  return static_cast<uint64_t>(number);
}

bool ToBool(const Napi::Value& value, const char* name) {
  bool yes = false;
  if (napi_get_value_bool(value.Env(), value, &yes) != napi_ok) {
    ThrowType(value, name, "of type boolean");
  }
  return yes;
}

std::string ToString(const Napi::Value& value, const char* name, const char* advice) {
  // Most fit here, and then one call is all: it says the type, the length and the text.
  char small[256];
  size_t length = 0;
  if (napi_get_value_string_utf8(value.Env(), value, small, sizeof(small), &length) != napi_ok) {
    ThrowType(value, name, "of type string");
  }
  // Less than what would be cut, by as much as a character may have.
  std::string text = length < sizeof(small) - 4 ? std::string(small, length)
                                                : value.As<Napi::String>().Utf8Value();
  if (text.find('\0') != std::string::npos) ThrowNul(value.Env(), name, advice);
  return text;
}

std::optional<std::string> ToOptionalString(const Napi::Value& value, const char* name,
                                            const char* advice) {
  if (value.IsNull() || value.IsUndefined()) return std::nullopt;
  if (!value.IsString()) ThrowType(value, name, "of type string, null or undefined");
  return ToString(value, name, advice);
}

bool IsBytes(const Napi::Value& value) {
  return value.IsTypedArray() && value.As<Napi::TypedArray>().TypedArrayType() == napi_uint8_array;
}

Napi::Uint8Array ToBuffer(const Napi::Value& value, const char* name) {
  if (!IsBytes(value)) ThrowType(value, name, "an instance of Uint8Array");
  return value.As<Napi::Uint8Array>();
}

std::string ToBytes(const Napi::Value& value, const char* name) {
  const Napi::Uint8Array bytes = ToBuffer(value, name);
  return std::string(reinterpret_cast<const char*>(bytes.Data()), bytes.ByteLength());
}

std::vector<int> ToFds(const Napi::Value& value, const char* name) {
  // The kernel takes 253 in one message. libsystemd lays them out on its stack before the kernel
  // sees them, so a bound far above that protects the stack and leaves the verdict to the kernel.
  constexpr uint32_t kMost = 4096;
  if (!value.IsArray()) ThrowType(value, name, "an array of file descriptors");
  const Napi::Array array = value.As<Napi::Array>();
  const uint32_t length = array.Length();
  if (length > kMost) {
    ThrowRange(value.Env(), name, "an array of at most 4096 descriptors", Format("%u", length));
  }
  std::vector<int> fds(length);
  for (uint32_t i = 0; i < length; i++) fds[i] = ToFd(array.Get(i), name);
  return fds;
}

Napi::Value Result(const Napi::CallbackInfo& info, int result) {
  return Napi::Number::New(info.Env(), result);
}

Napi::Value Result(const Napi::CallbackInfo& info, int result,
                   std::initializer_list<napi_value> out) {
  Napi::Array array = Napi::Array::New(info.Env(), out.size() + 1);
  uint32_t i = 0;
  array.Set(i++, Napi::Number::New(info.Env(), result));
  for (napi_value value : out) array.Set(i++, value);
  return array;
}

}  // namespace libsystemd
