#include "call.h"

#include <climits>
#include <cmath>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <new>

namespace libsystemd {
namespace {

constexpr double kMaxSafeInteger = 9007199254740991;  // Number.MAX_SAFE_INTEGER

// The name and type of a parameter.
struct Facts {
  char name[20];  // An array, because the loader would have to relocate a pointer.
  Type type;
};

// The facts of each parameter but kNone, in the order of enum Parameter.
constexpr Facts kFacts[] = {
#define X(constant, name, type) {name, Type::type},
    LIBSYSTEMD_PARAMETERS(X)
#undef X
};

// Room for the longest message.
using Message = char[512];

[[gnu::format(printf, 2, 3)]] void Format(Message& message, const char* format, ...) {
  va_list values;
  va_start(values, format);
  vsnprintf(message, sizeof(message), format, values);
  va_end(values);
}

// The digits of a number or a bigint. A long bigint is only described, because its digits take long
// to compute: 17 seconds for 1n << (1n << 26n).
void Digits(const Napi::Value& value, Message& digits) {
  constexpr size_t kMostWords = 8;
  digits[0] = '\0';  // In a thread that is being terminated the conversion to a string fails.
  size_t words = 0;
  napi_get_value_bigint_words(value.Env(), value, nullptr, &words, nullptr);
  if (words > kMostWords) return Format(digits, "a bigint of up to %zu bits", words * 64);
  napi_value text = nullptr;
  napi_coerce_to_string(value.Env(), value, &text);
  napi_get_value_string_utf8(value.Env(), text, digits, sizeof(digits), nullptr);
}

// The length of an unprintable character at this position of a UTF-8 text; 0 for any other. Such a
// character could control a terminal, change the direction of a line, or be invisible: control
// characters (C1 too), and the format characters U+00AD and some from U+200B to U+206F.
size_t Unprintable(const unsigned char* at) {
  if (at[0] < ' ' || at[0] == 0x7f) return 1;
  if (at[0] == 0xc2 && (at[1] < 0xa0 || at[1] == 0xad)) return 2;
  if (at[0] != 0xe2) return 0;
  const int third = at[1] == 0x80 ? at[2] : 0;
  const bool is_mark = (third >= 0x8b && third <= 0x8f) || (third >= 0xa8 && third <= 0xae);
  return is_mark || (at[1] == 0x81 && at[2] >= 0xa0) ? 3 : 0;
}

void MakePrintable(char* text) {
  for (char* at = text; *at;) {
    const size_t bytes = Unprintable(reinterpret_cast<unsigned char*>(at));
    memset(at, '?', bytes);
    at += bytes > 0 ? bytes : 1;
  }
}

// Describes the value that was passed, in Node's words: "type string ('abc')".
void Received(const Napi::Value& value, Message& received) {
  constexpr size_t kLongestText = 40;
  Message text = "";
  bool yes = false;
  size_t length = 0, whole = 0;
  switch (value.Type()) {
    case napi_undefined:
      return Format(received, "undefined");
    case napi_null:
      return Format(received, "null");
    case napi_boolean:
      napi_get_value_bool(value.Env(), value, &yes);
      return Format(received, "type boolean (%s)", yes ? "true" : "false");
    case napi_number:
      Digits(value, text);
      return Format(received, "type number (%s)", text);
    case napi_bigint:
      return Format(received, "type bigint");
    case napi_string:
      napi_get_value_string_utf8(value.Env(), value, text, kLongestText + 1, &length);
      napi_get_value_string_utf8(value.Env(), value, nullptr, 0, &whole);
      MakePrintable(text);
      return Format(received, "type string ('%s'%s)", text, length < whole ? "..." : "");
    case napi_symbol:
      return Format(received, "type symbol");
    case napi_function:
      return Format(received, "a function");
    default:
      return Format(received, value.IsArray() ? "an array" : "an object");
  }
}

// The Throw functions return false, so that a Read function can return their result.

bool ThrowType(const Napi::Value& value, const char* name, const char* expected) {
  Message received, message;
  Received(value, received);
  Format(message, "The \"%s\" argument must be %s. Received %s", name, expected, received);
  napi_throw_type_error(value.Env(), "ERR_INVALID_ARG_TYPE", message);
  return false;
}

bool ThrowRange(napi_env env, const char* name, const char* expected, const char* received) {
  Message message;
  Format(message, "The value of \"%s\" is out of range. It must be %s. Received %s", name, expected,
         received);
  napi_throw_range_error(env, "ERR_OUT_OF_RANGE", message);
  return false;
}

bool ThrowNul(napi_env env, const Facts& facts) {
  Message message;
  const bool bytes_too = facts.type == Type::kUnixPath;
  Format(message, "The argument \"%s\" must be a string without null bytes%s", facts.name,
         bytes_too ? "; an abstract name goes as a Uint8Array with its leading null" : "");
  napi_throw_type_error(env, "ERR_INVALID_ARG_VALUE", message);
  return false;
}

bool Allocate(napi_env env, size_t size, Argument* argument) {
  argument->owned.reset(new (std::nothrow) char[size]);
  argument->data = argument->owned.get();
  if (argument->data) return true;
  napi_throw_error(env, "ERR_MEMORY_ALLOCATION_FAILED", "No memory for an argument");
  return false;
}

// False for NaN too, because every comparison with NaN is false.
bool IsIntegerBetween(double number, double min, double max) {
  return number >= min && number <= max && number == std::trunc(number);
}

bool ReadInteger(const Napi::Value& value, const char* name, double min, double max,
                 int64_t* integer) {
  double number = 0;
  if (napi_get_value_double(value.Env(), value, &number) != napi_ok) {
    return ThrowType(value, name, "of type number");
  }
  if (!IsIntegerBetween(number, min, max)) {
    Message expected, received;
    Format(expected, "an integer from %.0f to %.0f", min, max);
    Digits(value, received);
    return ThrowRange(value.Env(), name, expected, received);
  }
  *integer = static_cast<int64_t>(number);
  return true;
}

bool ReadInt(const Napi::Value& value, const char* name, int64_t* integer) {
  return ReadInteger(value, name, INT_MIN, INT_MAX, integer);
}

bool ReadUint64(const Napi::Value& value, const char* name, int64_t* integer) {
  const napi_valuetype type = value.Type();
  if (type != napi_bigint && type != napi_number) {
    return ThrowType(value, name, "of type number or bigint");
  }
  double number = 0;
  uint64_t bits = 0;
  bool lossless = false;
  if (type == napi_bigint) {
    napi_get_value_bigint_uint64(value.Env(), value, &bits, &lossless);
  } else {
    napi_get_value_double(value.Env(), value, &number);
    lossless = IsIntegerBetween(number, 0, kMaxSafeInteger);
    if (lossless) bits = static_cast<uint64_t>(number);
  }
  *integer = static_cast<int64_t>(bits);
  if (lossless) return true;
  Message received;
  Digits(value, received);
  return ThrowRange(value.Env(), name,
                    "an integer from 0 to Number.MAX_SAFE_INTEGER, or a bigint of 64 bits",
                    received);
}

bool ReadBool(const Napi::Value& value, const char* name, int64_t* integer) {
  bool yes = false;
  if (napi_get_value_bool(value.Env(), value, &yes) != napi_ok) {
    return ThrowType(value, name, "of type boolean");
  }
  *integer = yes;
  return true;
}

bool ReadText(const Napi::Value& value, const Facts& facts, Argument* argument) {
  constexpr size_t kLongestCharacter = 4;
  // Most texts fit into `small`. One call then checks the type and reads the length and the text.
  argument->data = argument->small;
  size_t length = 0;
  if (napi_get_value_string_utf8(value.Env(), value, argument->small, sizeof(argument->small),
                                 &length) != napi_ok) {
    return ThrowType(value, facts.name, "of type string");
  }
  if (length >= sizeof(argument->small) - kLongestCharacter) {
    napi_get_value_string_utf8(value.Env(), value, nullptr, 0, &length);
    if (!Allocate(value.Env(), length + 1, argument)) return false;
    napi_get_value_string_utf8(value.Env(), value, argument->owned.get(), length + 1, &length);
  }
  return strlen(static_cast<char*>(argument->data)) == length || ThrowNul(value.Env(), facts);
}

bool ReadOptionalText(const Napi::Value& value, const Facts& facts, Argument* argument) {
  if (value.IsNull() || value.IsUndefined()) return true;
  if (value.IsString()) return ReadText(value, facts, argument);
  return ThrowType(value, facts.name, "of type string, null or undefined");
}

bool IsBytes(const Napi::Value& value) {
  return value.IsTypedArray() && value.As<Napi::TypedArray>().TypedArrayType() == napi_uint8_array;
}

bool ReadBuffer(const Napi::Value& value, const char* name, Argument* argument) {
  napi_typedarray_type type = napi_int8_array;
  napi_get_typedarray_info(value.Env(), value, &type, &argument->length, &argument->data, nullptr,
                           nullptr);
  return type == napi_uint8_array || ThrowType(value, name, "an instance of Uint8Array");
}

bool ReadBytes(const Napi::Value& value, const char* name, Argument* argument) {
  if (!ReadBuffer(value, name, argument)) return false;
  const void* bytes = argument->data;
  if (!Allocate(value.Env(), argument->length + 1, argument)) return false;
  if (argument->length > 0) memcpy(argument->data, bytes, argument->length);
  argument->owned[argument->length] = '\0';
  return true;
}

bool ReadFds(const Napi::Value& value, const char* name, Argument* argument) {
  // The kernel accepts 253 in one message, and libsystemd copies all of them to its stack before it
  // asks the kernel. This limit only protects the stack: it is high enough that the kernel's own
  // error is the one that a caller with too many gets.
  constexpr uint32_t kMost = 4096;
  if (!value.IsArray()) return ThrowType(value, name, "an array of file descriptors");
  const napi_env env = value.Env();
  uint32_t length = 0;
  napi_get_array_length(env, value, &length);
  if (length > kMost) {
    Message received;
    Format(received, "%u", length);
    return ThrowRange(env, name, "an array of at most 4096 descriptors", received);
  }
  if (!Allocate(env, length * sizeof(int) + 1, argument)) return false;
  argument->length = length;
  int* fds = static_cast<int*>(argument->data);
  for (uint32_t i = 0; i < length; i++) {
    napi_value element = nullptr;
    int64_t fd = 0;
    if (napi_get_element(env, value, i, &element) != napi_ok) return false;  // A getter threw.
    if (!ReadInt({env, element}, name, &fd)) return false;
    fds[i] = static_cast<int>(fd);
  }
  return true;
}

bool ReadArgument(const Napi::Value& value, const Facts& facts, Argument* argument) {
  switch (facts.type) {
    case Type::kInt:
      return ReadInt(value, facts.name, &argument->number);
    case Type::kUint16:
      return ReadInteger(value, facts.name, 0, UINT16_MAX, &argument->number);
    case Type::kOffset:
      return ReadInteger(value, facts.name, 0, kMaxSafeInteger, &argument->number);
    case Type::kUint64:
      return ReadUint64(value, facts.name, &argument->number);
    case Type::kBool:
      return ReadBool(value, facts.name, &argument->number);
    case Type::kText:
      return ReadText(value, facts, argument);
    case Type::kOptionalText:
      return ReadOptionalText(value, facts, argument);
    case Type::kUnixPath:
      if (IsBytes(value)) return ReadBytes(value, facts.name, argument);
      return ReadOptionalText(value, facts, argument);
    case Type::kBytes:
      return ReadBytes(value, facts.name, argument);
    case Type::kBuffer:
      return ReadBuffer(value, facts.name, argument);
    case Type::kFds:
      return ReadFds(value, facts.name, argument);
  }
  return false;
}

}  // namespace

bool Call::Read(const Parameter (&parameters)[kMostParameters]) {
  for (size_t i = 0; i < kMostParameters && parameters[i] != kNone; i++) {
    if (!ReadArgument(info_[i], kFacts[parameters[i] - 1], &arguments_[i])) return false;
  }
  return true;
}

void Call::OutNumber(double number) {
  out_[outs_++] = Napi::Number::New(Env(), number);
}

void Call::OutBigInt(uint64_t number) {
  out_[outs_++] = Napi::BigInt::New(Env(), number);
}

void Call::OutText(const char* text) {
  out_[outs_++] = text ? Napi::Value(Napi::String::New(Env(), text)) : Env().Undefined();
}

void Call::OutTexts(const char* const* texts, int count) {
  Napi::Array array = Napi::Array::New(Env());
  for (int i = 0; i < count; i++) array.Set(i, Napi::String::New(Env(), texts[i]));
  out_[outs_++] = array;
}

Napi::Value Call::Answer(int result) {
  const Napi::Number number = Napi::Number::New(Env(), result);
  if (outs_ == 0) return number;
  Napi::Array array = Napi::Array::New(Env(), outs_ + 1);
  array.Set(0u, number);
  for (size_t i = 0; i < outs_; i++) array.Set(i + 1, Napi::Value(Env(), out_[i]));
  return array;
}

}  // namespace libsystemd
