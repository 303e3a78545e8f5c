// The add-on's entry point. The add-on is context-aware: any number of worker threads may load it.
// Only three things belong to the process: libsystemd's table of functions, two texts that are
// never freed (thread.cc), and the socket that notifications are sent from (socket.cc). Each thread
// has a list of the descriptors that it has opened (descriptor.cc).
#include "addon.h"

namespace libsystemd {
namespace {

// The callback of all functions. node-addon-api would make one for each function.
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
