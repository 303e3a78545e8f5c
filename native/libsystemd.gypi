# What both build files of the add-on share: binding.gyp of the repository, and native/binding.gyp,
# which the package of npm has instead. Its paths are from this folder.
{
  "targets": [
    {
      "target_name": "libsystemd",
      "product_prefix": "lib", # gyp takes it off the target name
      "sources": [
        "addon.cc",
        "call.cc",
        "libsystemd.cc",
        "sd-daemon.cc",
        "socket.cc",
        "accept-queue.cc",
        "descriptor.cc",
        "thread.cc"
      ],
      # Also where npx keeps what it fetched for this build, which is beside a folder on the PATH.
      "include_dirs": [
        "<!(node -p \"require(require.resolve('node-addon-api', { paths: ['.', ...process.env.PATH.split(':')] })).include_dir\")"
      ],
      "defines": [
        "NAPI_VERSION=8",
        "NODE_ADDON_API_DISABLE_DEPRECATED",
        "NODE_ADDON_API_DISABLE_CPP_EXCEPTIONS",
        # A worker thread that is being terminated can't be thrown at; that is no reason to abort.
        "NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS"
      ],
      "cflags_cc!": ["-std=gnu++17", "-std=gnu++20"],
      "cflags_cc": ["-std=c++17", "-fno-exceptions", "-fno-rtti", "-fvisibility=hidden", "-Wall", "-Wextra", "-Werror=return-type"],
      "configurations": {
        "Release": {
          # Linked as one (LTO), and no build-id, path or date in it: the same sources and compiler give
          # the same bytes. In one partition: the .symver of libsystemd.cc has to stand beside the call.
          # Without tables for unwinding, which are an eighth of the file: there are no C++ exceptions, and
          # a backtrace ends at V8's compiled code above anyway, which has none.
          "cflags!": ["-O3", "-fno-omit-frame-pointer", "-mminimal-toc"],
          "cflags": [
            "-Os", "-flto", "-fomit-frame-pointer", "-fno-asynchronous-unwind-tables", "-ffunction-sections",
            "-fdata-sections"
          ],
          "ldflags": [
            "-flto", "-flto-partition=one", "-Wl,--gc-sections", "-Wl,--as-needed", "-Wl,-O1", "-Wl,-z,now",
            "-Wl,-z,noseparate-code", "-Wl,--build-id=none", "-Wl,-s"
          ],
          "conditions": [
            ["target_arch=='x64'", {"cflags": ["-fno-plt"]}], # elsewhere it makes the calls longer
            ["target_arch=='ppc64'", {"cflags": ["-mtraceback=no"]}],
            # Kernels of these two may have pages of 64 KB, and segments are aligned so. For RELRO the
            # linker fills the file up to such a page, with 28 KB of nothing.
            ["target_arch=='arm64' or target_arch=='ppc64'", {
              "ldflags": ["-Wl,-z,max-page-size=65536", "-Wl,-z,common-page-size=65536", "-Wl,-z,norelro"]
            }, {
              "ldflags": ["-Wl,-z,relro"]
            }]
          ]
        }
      }
    }
  ]
}
