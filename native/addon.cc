// Context-aware: nothing here or below is kept per process but libsystemd's function table and
// two texts that are never freed (thread.cc), so any number of worker threads may load the add-on
// at once. Of each, what it has opened is kept, and closed at its end.
#include "addon.h"

namespace libsystemd {
namespace {

// One for all functions, where node-addon-api would make one each.
napi_value CallFunction(napi_env env, napi_callback_info raw) {
  const Napi::CallbackInfo info(env, raw);
  const auto* function = static_cast<const Function*>(info.Data());
  Call call(info);
  return call.Read(function->parameters) ? call.Answer(function->call(call)) : Napi::Value();
}

Napi::Object Init(Napi::Env, Napi::Object exports) {
  ExportSdDaemon(exports);
  ExportSocket(exports);
  ExportAcceptQueue(exports);
  ExportDescriptor(exports);
  ExportThread(exports);
  return exports;
}

NODE_API_MODULE(libsystemd, Init)

}  // namespace

void Export(Napi::Object exports, const Function* functions, size_t count) {
  for (const Function* function = functions; function < functions + count; function++) {
    napi_value value = nullptr;
    napi_create_function(exports.Env(), function->name, NAPI_AUTO_LENGTH, CallFunction,
                         const_cast<Function*>(function), &value);
    napi_set_named_property(exports.Env(), exports, function->name, value);
  }
}

}  // namespace libsystemd
