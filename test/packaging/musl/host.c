// A program of musl that loads the add-on as Node does, with those parts of Node-API that the
// add-on uses, and calls some functions.
//
//   host ADDON
//
// Each line of the output is a call: the function, its result or the code of its error, and its
// out-parameters.
#include <dlfcn.h>
#include <err.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <node_api.h>

enum { ELEMENTS_MAX = 64, ARGUMENTS_MAX = 5, FUNCTIONS_MAX = 128 };

struct napi_value__ {
  napi_valuetype type;
  double number;     // of a number, boolean or bigint
  uint64_t bits;     // of a bigint
  const char* text;  // of a string
  bool is_array, is_bytes;
  napi_value elements[ELEMENTS_MAX];
  uint32_t length;  // of an array or bytes
  void* bytes;
  napi_callback call;
  void* data;
};

struct napi_callback_info__ {
  size_t count;
  napi_value arguments[ARGUMENTS_MAX];
  void* data;
};

static struct {
  const char* name;
  napi_value function;
} functions[FUNCTIONS_MAX];
static size_t function_count;
static const char* thrown;
static void* instance;

static napi_value new_value(napi_valuetype type) {
  napi_value value = calloc(1, sizeof *value);
  if (!value) err(1, "calloc");
  value->type = type;
  return value;
}

// --- Node-API ---

napi_status napi_create_function(napi_env env, const char* name, size_t length, napi_callback call,
                                 void* data, napi_value* result) {
  (void)env, (void)name, (void)length;
  *result = new_value(napi_function);
  (*result)->call = call;
  (*result)->data = data;
  return napi_ok;
}
napi_status napi_set_named_property(napi_env env, napi_value object, const char* name,
                                    napi_value value) {
  (void)env, (void)object;
  functions[function_count].name = name;
  functions[function_count++].function = value;
  return napi_ok;
}
napi_status napi_get_cb_info(napi_env env, napi_callback_info info, size_t* count,
                             napi_value* arguments, napi_value* self, void** data) {
  (void)env, (void)self;
  for (size_t i = 0; i < *count; i++)
    arguments[i] = i < info->count ? info->arguments[i] : new_value(napi_undefined);
  *count = info->count;
  *data = info->data;
  return napi_ok;
}
napi_status napi_set_instance_data(napi_env env, void* data, napi_finalize end, void* hint) {
  (void)env, (void)end, (void)hint;
  instance = data;
  return napi_ok;
}
napi_status napi_get_instance_data(napi_env env, void** data) {
  (void)env;
  *data = instance;
  return napi_ok;
}
napi_status napi_typeof(napi_env env, napi_value value, napi_valuetype* type) {
  (void)env;
  *type = value->type;
  return napi_ok;
}
napi_status napi_is_array(napi_env env, napi_value value, bool* result) {
  (void)env;
  *result = value->is_array;
  return napi_ok;
}
napi_status napi_get_value_double(napi_env env, napi_value value, double* number) {
  (void)env;
  *number = value->number;
  return value->type == napi_number ? napi_ok : napi_number_expected;
}
napi_status napi_get_value_bool(napi_env env, napi_value value, bool* result) {
  (void)env;
  *result = value->number != 0;
  return value->type == napi_boolean ? napi_ok : napi_boolean_expected;
}
napi_status napi_get_value_bigint_uint64(napi_env env, napi_value value, uint64_t* bits,
                                         bool* lossless) {
  (void)env;
  *bits = value->bits;
  *lossless = true;
  return napi_ok;
}
napi_status napi_get_value_bigint_words(napi_env env, napi_value value, int* sign, size_t* count,
                                        uint64_t* words) {
  (void)env, (void)sign, (void)words;
  *count = 1;
  return value->type == napi_bigint ? napi_ok : napi_bigint_expected;
}
napi_status napi_get_value_string_utf8(napi_env env, napi_value value, char* buffer, size_t size,
                                       size_t* length) {
  (void)env;
  if (value->type != napi_string) return napi_string_expected;
  size_t copied = strlen(value->text);
  if (buffer && copied >= size) copied = size - 1;
  if (buffer) memcpy(buffer, value->text, copied), buffer[copied] = '\0';
  if (length) *length = copied;
  return napi_ok;
}
napi_status napi_coerce_to_string(napi_env env, napi_value value, napi_value* result) {
  (void)env;
  char* text = malloc(32);
  snprintf(text, 32, "%g", value->number);
  *result = new_value(napi_string);
  (*result)->text = text;
  return napi_ok;
}
napi_status napi_get_typedarray_info(napi_env env, napi_value value, napi_typedarray_type* type,
                                     size_t* length, void** data, napi_value* buffer,
                                     size_t* offset) {
  (void)env, (void)buffer, (void)offset;
  if (!value->is_bytes) return napi_invalid_arg;
  *type = napi_uint8_array;
  if (length) *length = value->length;
  if (data) *data = value->bytes;
  return napi_ok;
}
napi_status napi_get_array_length(napi_env env, napi_value value, uint32_t* length) {
  (void)env;
  *length = value->length;
  return napi_ok;
}
napi_status napi_get_element(napi_env env, napi_value value, uint32_t i, napi_value* result) {
  (void)env;
  *result = value->elements[i];
  return napi_ok;
}
napi_status napi_set_element(napi_env env, napi_value array, uint32_t i, napi_value value) {
  (void)env;
  if (i >= ELEMENTS_MAX) errx(1, "an array of more than %d elements", ELEMENTS_MAX);
  array->elements[i] = value;
  if (array->length <= i) array->length = i + 1;
  return napi_ok;
}
napi_status napi_create_array(napi_env env, napi_value* result) {
  (void)env;
  *result = new_value(napi_object);
  (*result)->is_array = true;
  return napi_ok;
}
napi_status napi_create_array_with_length(napi_env env, size_t length, napi_value* result) {
  (void)length;
  return napi_create_array(env, result);
}
napi_status napi_create_int32(napi_env env, int32_t number, napi_value* result) {
  (void)env;
  *result = new_value(napi_number);
  (*result)->number = number;
  return napi_ok;
}
napi_status napi_create_double(napi_env env, double number, napi_value* result) {
  (void)env;
  *result = new_value(napi_number);
  (*result)->number = number;
  return napi_ok;
}
napi_status napi_create_bigint_uint64(napi_env env, uint64_t bits, napi_value* result) {
  (void)env;
  *result = new_value(napi_bigint);
  (*result)->bits = bits;
  return napi_ok;
}
napi_status napi_create_string_utf8(napi_env env, const char* text, size_t length,
                                    napi_value* result) {
  (void)env, (void)length;
  *result = new_value(napi_string);
  (*result)->text = strdup(text);
  return napi_ok;
}
napi_status napi_get_undefined(napi_env env, napi_value* result) {
  (void)env;
  *result = new_value(napi_undefined);
  return napi_ok;
}
static napi_status throw(const char* code) {
  thrown = code;
  return napi_ok;
}
napi_status napi_throw_error(napi_env env, const char* code, const char* message) {
  (void)env, (void)message;
  return throw(code);
}
napi_status napi_throw_type_error(napi_env env, const char* code, const char* message) {
  (void)env, (void)message;
  return throw(code);
}
napi_status napi_throw_range_error(napi_env env, const char* code, const char* message) {
  (void)env, (void)message;
  return throw(code);
}

// --- Calls ---

static napi_value number(double value) {
  napi_value result = new_value(napi_number);
  result->number = value;
  return result;
}
static napi_value boolean(bool value) {
  napi_value result = new_value(napi_boolean);
  result->number = value;
  return result;
}
static napi_value text(const char* value) {
  napi_value result = new_value(napi_string);
  result->text = value;
  return result;
}
static napi_value bytes(size_t length) {
  napi_value result = new_value(napi_object);
  result->is_bytes = true;
  result->length = length;
  result->bytes = calloc(1, length);
  return result;
}
static napi_value list(int fd) {
  napi_value result = new_value(napi_object);
  result->is_array = true;
  result->length = 1;
  result->elements[0] = number(fd);
  return result;
}

static void print(napi_value value) {
  switch (value->type) {
    case napi_number:
      printf(" %g", value->number);
      break;
    case napi_bigint:
      printf(" %ju", (uintmax_t)value->bits);
      break;
    case napi_string:
      printf(" %s", value->text);
      break;
    case napi_undefined:
      printf(" undefined");
      break;
    default:
      for (uint32_t i = 0; i < value->length; i++) print(value->elements[i]);
  }
}

static void call(const char* name, size_t count, napi_value a, napi_value b, napi_value c,
                 napi_value d) {
  for (size_t i = 0; i < function_count; i++) {
    if (strcmp(functions[i].name, name) != 0) continue;
    struct napi_callback_info__ info = {count, {a, b, c, d}, functions[i].function->data};
    thrown = NULL;
    napi_value result = functions[i].function->call(NULL, &info);
    printf("%s", name);
    if (thrown)
      printf(" %s", thrown);
    else
      print(result);
    putchar('\n');
    return;
  }
  errx(1, "the add-on has no %s", name);
}

int main(int argc, char** argv) {
  if (argc != 2) errx(1, "usage: host ADDON");
  void* addon = dlopen(argv[1], RTLD_NOW);
  if (!addon) errx(1, "%s", dlerror());
  napi_value (*init)(napi_env, napi_value) = dlsym(addon, "napi_register_module_v1");
  if (!init) errx(1, "%s", dlerror());
  init(NULL, new_value(napi_object));

  call("implementation", 0, NULL, NULL, NULL, NULL);
  call("sd_booted", 0, NULL, NULL, NULL, NULL);
  call("sd_listen_fds", 1, boolean(false), NULL, NULL, NULL);
  call("sd_listen_fds_with_names", 1, boolean(true), NULL, NULL, NULL);
  call("sd_listen_fds", 1, boolean(false), NULL, NULL, NULL);
  call("sd_is_socket", 4, number(3), number(0), number(1), number(1));
  call("sd_is_socket_unix", 3, number(3), number(0), number(-1), NULL);
  call("sd_is_fifo", 1, number(4), NULL, NULL, NULL);
  call("sd_is_fifo", 1, text("4"), NULL, NULL, NULL);
  call("sd_is_fifo", 1, number(0.5), NULL, NULL, NULL);
  call("sd_is_special", 1, number(99), NULL, NULL, NULL);
  call("sd_watchdog_enabled", 1, boolean(false), NULL, NULL, NULL);
  call("sd_notify", 2, boolean(false), text("READY=1"), NULL, NULL);
  call("sd_pid_notify_with_fds", 4, number(0), boolean(false), text("FDSTORE=1"), list(4));
  call("sd_notify_barrier", 2, boolean(true), number(60e6), NULL, NULL);
  call("sd_notify", 2, boolean(false), text("READY=1"), NULL, NULL);
  call("inet_pton", 3, number(2), text("127.0.0.1"), bytes(4), NULL);
  call("dup", 2, number(4), number(10), NULL, NULL);
  call("close", 1, number(10), NULL, NULL, NULL);
  call("shared", 0, NULL, NULL, NULL, NULL);
  return 0;
}
