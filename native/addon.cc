// Context-aware: nothing here or below is kept per process but libsystemd's function table and one
// text that never changes (thread.cc), so any number of worker threads may load the add-on at once.
// Of each, what it has opened is kept, and closed at its end.
#include "addon.h"

#include <exception>

#include "convert.h"

namespace libsystemd {
namespace {

napi_value Call(napi_env env, napi_callback_info raw) {
  try {
    const Napi::CallbackInfo info(env, raw);
    return reinterpret_cast<decltype(Function::call)>(info.Data())(info);
  } catch (const Thrown&) {
    // The exception is JavaScript's already.
  } catch (const std::exception& error) {  // std::bad_alloc
    napi_throw_error(env, "ERR_MEMORY_ALLOCATION_FAILED", error.what());
  }
  return nullptr;
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

void Export(Napi::Object exports, std::initializer_list<Function> functions) {
  for (const Function& function : functions) {
    napi_value value = nullptr;
    napi_create_function(exports.Env(), function.name, NAPI_AUTO_LENGTH, Call,
                         reinterpret_cast<void*>(function.call), &value);
    napi_set_named_property(exports.Env(), exports, function.name, value);
  }
}

}  // namespace libsystemd
