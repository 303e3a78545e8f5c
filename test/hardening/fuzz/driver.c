// libFuzzer in Node: fuzz(target, argument...) calls `target` with bytes again and again, and ends
// the process. It must be loaded before the add-on, which reports its coverage
// (-fsanitize=fuzzer-no-link).
#include <node_api.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

int LLVMFuzzerRunDriver(int* argc, char*** argv, int (*one)(const uint8_t* data, size_t size));

enum { ARGUMENTS_MAX = 32, ARGUMENT_SIZE = 4096 };

static napi_env env;
static napi_value target;

static int call_target(const uint8_t* data, size_t size) {
  napi_handle_scope scope;
  napi_value undefined, bytes;
  if (napi_open_handle_scope(env, &scope) != napi_ok ||
      napi_get_undefined(env, &undefined) != napi_ok ||
      napi_create_buffer_copy(env, size, data, NULL, &bytes) != napi_ok ||
      napi_call_function(env, undefined, target, 1, &bytes, NULL) != napi_ok ||
      napi_close_handle_scope(env, scope) != napi_ok)
    abort();  // libFuzzer saves the bytes
  return 0;
}

// libFuzzer calls exit(3) within a call from JavaScript, which Node's exit handlers do not support.
static void leave(void) {
  _exit(0);
}

static napi_value fuzz(napi_env caller, napi_callback_info info) {
  static char texts[ARGUMENTS_MAX][ARGUMENT_SIZE];
  static char* argv[ARGUMENTS_MAX + 1];
  napi_value values[1 + ARGUMENTS_MAX];
  size_t count = 1 + ARGUMENTS_MAX;
  if (napi_get_cb_info(caller, info, &count, values, NULL, NULL) != napi_ok) abort();
  env = caller;
  target = values[0];
  int argc = 0;
  for (; argc < (int)count - 1; argc++) {
    argv[argc] = texts[argc];
    if (napi_get_value_string_utf8(env, values[1 + argc], texts[argc], ARGUMENT_SIZE, NULL) !=
        napi_ok)
      abort();
  }
  if (atexit(leave) != 0) abort();
  char** arguments = argv;
  LLVMFuzzerRunDriver(&argc, &arguments, call_target);
  return NULL;
}

napi_value napi_register_module_v1(napi_env caller, napi_value exports) {
  (void)exports;
  napi_value function;
  if (napi_create_function(caller, "fuzz", NAPI_AUTO_LENGTH, fuzz, NULL, &function) != napi_ok)
    abort();
  return function;
}
