#include "call.h"

#include <climits>
#include <cstdarg>
#include <cstdio>
#include <cstring>

namespace libsystemd {
namespace {

constexpr double kMaxSafeInteger = 9007199254740991;  // Number.MAX_SAFE_INTEGER

// A value of JavaScript. In a thread that is being terminated every call fails, and then a value is
// undefined.
struct Value {
  napi_env env;
  napi_value js;

  operator napi_value() const { return js; }

  napi_valuetype Type() const {
    napi_valuetype type = napi_undefined;
    napi_typeof(env, js, &type);
    return type;
  }

  bool IsArray() const {
    bool is_array = false;
    napi_is_array(env, js, &is_array);
    return is_array;
  }

  // The type of a typed array; any other but Uint8Array for other values.
  napi_typedarray_type ArrayType(size_t* length, void** data) const {
    napi_typedarray_type type = napi_int8_array;
    napi_get_typedarray_info(env, js, &type, length, data, nullptr, nullptr);
    return type;
  }
};

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
void Digits(const Value& value, Message& digits) {
  constexpr size_t kMostWords = 8;
  digits[0] = '\0';  // In a thread that is being terminated the conversion to a string fails.
  size_t words = 0;
  napi_get_value_bigint_words(value.env, value, nullptr, &words, nullptr);
  if (words > kMostWords) return Format(digits, "a bigint of up to %zu bits", words * 64);
  napi_value text = nullptr;
  napi_coerce_to_string(value.env, value, &text);
  napi_get_value_string_utf8(value.env, text, digits, sizeof(digits), nullptr);
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
void Received(const Value& value, Message& received) {
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
      napi_get_value_bool(value.env, value, &yes);
      return Format(received, "type boolean (%s)", yes ? "true" : "false");
    case napi_number:
      Digits(value, text);
      return Format(received, "type number (%s)", text);
    case napi_bigint:
      return Format(received, "type bigint");
    case napi_string:
      napi_get_value_string_utf8(value.env, value, text, kLongestText + 1, &length);
      napi_get_value_string_utf8(value.env, value, nullptr, 0, &whole);
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

bool ThrowType(const Value& value, const char* name, const char* expected) {
  Message received, message;
  Received(value, received);
  Format(message, "The \"%s\" argument must be %s. Received %s", name, expected, received);
  napi_throw_type_error(value.env, "ERR_INVALID_ARG_TYPE", message);
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
  argument->owned.reset(static_cast<char*>(malloc(size)));
  argument->data = argument->owned.get();
  if (argument->data) return true;
  napi_throw_error(env, "ERR_MEMORY_ALLOCATION_FAILED", "No memory for an argument");
  return false;
}

// False for NaN too, because every comparison with NaN is false. The limits fit into an int64_t, so
// no trunc(3) is needed, which is in the mathematical library.
bool IsIntegerBetween(double number, double min, double max) {
  return number >= min && number <= max &&
         number == static_cast<double>(static_cast<int64_t>(number));
}

bool ReadInteger(const Value& value, const char* name, double min, double max, int64_t* integer) {
  double number = 0;
  if (napi_get_value_double(value.env, value, &number) != napi_ok) {
    return ThrowType(value, name, "of type number");
  }
  if (!IsIntegerBetween(number, min, max)) {
    Message expected, received;
    Format(expected, "an integer from %.0f to %.0f", min, max);
    Digits(value, received);
    return ThrowRange(value.env, name, expected, received);
  }
  *integer = static_cast<int64_t>(number);
  return true;
}

bool ReadInt(const Value& value, const char* name, int64_t* integer) {
  return ReadInteger(value, name, INT_MIN, INT_MAX, integer);
}

bool ReadUint64(const Value& value, const char* name, int64_t* integer) {
  const napi_valuetype type = value.Type();
  if (type != napi_bigint && type != napi_number) {
    return ThrowType(value, name, "of type number or bigint");
  }
  double number = 0;
  uint64_t bits = 0;
  bool lossless = false;
  if (type == napi_bigint) {
    napi_get_value_bigint_uint64(value.env, value, &bits, &lossless);
  } else {
    napi_get_value_double(value.env, value, &number);
    lossless = IsIntegerBetween(number, 0, kMaxSafeInteger);
    if (lossless) bits = static_cast<uint64_t>(number);
  }
  *integer = static_cast<int64_t>(bits);
  if (lossless) return true;
  Message received;
  Digits(value, received);
  return ThrowRange(value.env, name,
                    "an integer from 0 to Number.MAX_SAFE_INTEGER, or a bigint of 64 bits",
                    received);
}

bool ReadFlag(const Value& value, const char* name, int64_t* integer) {
  bool yes = false;
  if (napi_get_value_bool(value.env, value, &yes) == napi_ok) {
    *integer = yes;
    return true;
  }
  if (value.Type() == napi_number) return ReadInt(value, name, integer);
  return ThrowType(value, name, "of type boolean or number");
}

bool ReadText(const Value& value, const Facts& facts, Argument* argument) {
  constexpr size_t kLongestCharacter = 4;
  // Most texts fit into `small`. One call then checks the type and reads the length and the text.
  argument->data = argument->small;
  size_t length = 0;
  if (napi_get_value_string_utf8(value.env, value, argument->small, sizeof(argument->small),
                                 &length) != napi_ok) {
    return ThrowType(value, facts.name, "of type string");
  }
  if (length >= sizeof(argument->small) - kLongestCharacter) {
    napi_get_value_string_utf8(value.env, value, nullptr, 0, &length);
    if (!Allocate(value.env, length + 1, argument)) return false;
    napi_get_value_string_utf8(value.env, value, argument->owned.get(), length + 1, &length);
  }
  return strlen(static_cast<char*>(argument->data)) == length || ThrowNul(value.env, facts);
}

bool ReadOptionalText(const Value& value, const Facts& facts, Argument* argument) {
  const napi_valuetype type = value.Type();
  if (type == napi_null || type == napi_undefined) return true;
  if (type == napi_string) return ReadText(value, facts, argument);
  return ThrowType(value, facts.name, "of type string, null or undefined");
}

bool IsBytes(const Value& value) {
  return value.ArrayType(nullptr, nullptr) == napi_uint8_array;
}

bool ReadBuffer(const Value& value, const char* name, Argument* argument) {
  const napi_typedarray_type type = value.ArrayType(&argument->length, &argument->data);
  return type == napi_uint8_array || ThrowType(value, name, "an instance of Uint8Array");
}

bool ReadBytes(const Value& value, const char* name, Argument* argument) {
  if (!ReadBuffer(value, name, argument)) return false;
  const void* bytes = argument->data;
  if (!Allocate(value.env, argument->length + 1, argument)) return false;
  if (argument->length > 0) memcpy(argument->data, bytes, argument->length);
  argument->owned.get()[argument->length] = '\0';
  return true;
}

bool ReadFds(const Value& value, const char* name, Argument* argument) {
  // The kernel accepts 253 in one message, and libsystemd copies all of them to its stack before it
  // asks the kernel. This limit only protects the stack: it is high enough that the kernel's own
  // error is the one that a caller with too many gets.
  constexpr uint32_t kMost = 4096;
  if (!value.IsArray()) return ThrowType(value, name, "an array of file descriptors");
  const napi_env env = value.env;
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

bool ReadFunction(const Value& value, const char* name, Argument* argument) {
  argument->data = value.js;
  return value.Type() == napi_function || ThrowType(value, name, "of type function");
}

bool ReadArgument(const Value& value, const Facts& facts, Argument* argument) {
  switch (facts.type) {
    case Type::kInt:
      return ReadInt(value, facts.name, &argument->number);
    case Type::kUint16:
      return ReadInteger(value, facts.name, 0, UINT16_MAX, &argument->number);
    case Type::kOffset:
      return ReadInteger(value, facts.name, 0, kMaxSafeInteger, &argument->number);
    case Type::kUint64:
      return ReadUint64(value, facts.name, &argument->number);
    case Type::kFlag:
      return ReadFlag(value, facts.name, &argument->number);
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
    case Type::kFunction:
      return ReadFunction(value, facts.name, argument);
  }
  return false;
}

}  // namespace

bool Call::Read(const Parameter (&parameters)[kMostParameters],
                const napi_value (&values)[kMostParameters]) {
  for (size_t i = 0; i < kMostParameters && parameters[i] != kNone; i++) {
    if (!ReadArgument({env_, values[i]}, kFacts[parameters[i] - 1], &arguments_[i])) return false;
  }
  return true;
}

void Call::OutNumber(double number) {
  napi_create_double(env_, number, &out_[outs_++]);
}

void Call::OutBigInt(uint64_t number) {
  napi_create_bigint_uint64(env_, number, &out_[outs_++]);
}

void Call::OutText(const char* text) {
  napi_value* const out = &out_[outs_++];
  if (text) {
    napi_create_string_utf8(env_, text, NAPI_AUTO_LENGTH, out);
  } else {
    napi_get_undefined(env_, out);
  }
}

void Call::OutTexts(const char* const* texts, int count) {
  napi_value* const out = &out_[outs_++];
  napi_create_array(env_, out);
  for (int i = 0; i < count; i++) {
    napi_value text = nullptr;
    napi_create_string_utf8(env_, texts[i], NAPI_AUTO_LENGTH, &text);
    napi_set_element(env_, *out, i, text);
  }
}

napi_value Call::Answer(int result) {
  napi_value number = nullptr, array = nullptr;
  napi_create_int32(env_, result, &number);
  if (outs_ == 0) return number;
  napi_create_array_with_length(env_, outs_ + 1, &array);
  napi_set_element(env_, array, 0, number);
  for (size_t i = 0; i < outs_; i++) napi_set_element(env_, array, i + 1, out_[i]);
  return array;
}

}  // namespace libsystemd
