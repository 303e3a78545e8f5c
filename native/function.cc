#include "function.h"

namespace libsystemd {
namespace {

// The callback of all functions.
napi_value CallFunction(napi_env env, napi_callback_info info) {
  napi_value values[kMostParameters];  // Missing arguments become undefined.
  size_t count = kMostParameters;
  void* data = nullptr;
  if (napi_get_cb_info(env, info, &count, values, nullptr, &data) != napi_ok) return nullptr;
  const auto* function = static_cast<const Function*>(data);
  Call call(env);
  return call.Read(function->parameters, values) ? call.Answer(function->call(call)) : nullptr;
}

}  // namespace

void Export(Napi::Object exports, const Function* functions, size_t count) {
  const napi_env env = exports.Env();
  for (const Function* function = functions; function < functions + count; function++) {
    napi_value value = nullptr;
    napi_create_function(env, function->name, NAPI_AUTO_LENGTH, CallFunction,
                         const_cast<Function*>(function), &value);
    napi_set_named_property(env, exports, function->name, value);
  }
}

}  // namespace libsystemd
