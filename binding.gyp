# The release build of the add-on (node-gyp, prebuildify). native/CMakeLists.txt builds the same
# sources for development. libsystemd is not linked: native/libsystemd.cc loads it at the first call.
{
  "targets": [
    {
      "target_name": "libsystemd",
      "product_prefix": "lib", # gyp takes it off the target name
      "sources": [
        "native/addon.cc",
        "native/convert.cc",
        "native/libsystemd.cc",
        "native/sd-daemon.cc",
        "native/socket.cc",
        "native/accept-queue.cc",
        "native/descriptor.cc"
      ],
      "include_dirs": ["<!(node -p \"require('node-addon-api').include_dir\")"],
      "defines": [
        "NAPI_VERSION=8",
        "NODE_ADDON_API_DISABLE_DEPRECATED",
        "NODE_ADDON_API_DISABLE_CPP_EXCEPTIONS",
        # A worker thread that is being terminated can't be thrown at; that is no reason to abort.
        "NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS"
      ],
      "cflags_cc!": ["-fno-exceptions", "-fno-rtti", "-std=gnu++17", "-std=gnu++20"],
      "cflags_cc": ["-std=c++17", "-fexceptions", "-fvisibility=hidden", "-Wall", "-Wextra", "-Werror=return-type"],
      "configurations": {
        "Release": {
          "cflags!": ["-O3"],
          "cflags": ["-Os", "-ffunction-sections", "-fdata-sections", "-fno-plt"],
          "ldflags": ["-Wl,--gc-sections", "-Wl,--as-needed", "-Wl,-O1", "-Wl,-z,now", "-Wl,-z,noseparate-code", "-Wl,-s"]
        }
      }
    }
  ]
}
