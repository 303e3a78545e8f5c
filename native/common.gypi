# The settings of the release build of both add-ons.
{
  "target_defaults": {
    "product_prefix": "lib", # gyp removes this prefix from the target name
    # The PATH is searched too, because npx puts the packages that it has fetched beside a folder of the PATH.
    "include_dirs": [
      "<!(node -p \"require(require.resolve('node-addon-api', { paths: ['.', ...process.env.PATH.split(':')] })).include_dir\")"
    ],
    "defines": [
      "NAPI_VERSION=8",
      "NODE_ADDON_API_DISABLE_DEPRECATED",
      "NODE_ADDON_API_DISABLE_CPP_EXCEPTIONS"
    ],
    "cflags_cc!": ["-std=gnu++17", "-std=gnu++20"],
    "cflags_cc": ["-std=c++17", "-fno-exceptions", "-fno-rtti", "-fno-threadsafe-statics", "-fvisibility=hidden", "-Wall", "-Wextra", "-Werror=return-type"],
    # No library is linked, not even the C library, which is in the process of every Node: an add-on that names
    # glibc's files is refused by programs of musl. Only functions of the compiler itself are linked, which
    # some processors need.
    "ldflags": ["-nostdlib"],
    "libraries": ["-lgcc"],
    "configurations": {
      "Release": {
        # No build-id, path or date is in the file, so the same sources and compiler make the same bytes.
        # Link-time optimization in one partition makes the smallest file. No unwind tables, which would be an eighth of the file: the code has no
        # C++ exceptions, and a backtrace ends anyway at V8's compiled code, which has no tables either.
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
          ["target_arch=='x64'", {"cflags": ["-fno-plt"]}], # on other processors it makes the calls longer
          ["target_arch=='ppc64'", {"cflags": ["-mtraceback=no"]}],
          # Kernels for these two may have pages of 64 KB, so segments are aligned to 64 KB. With RELRO
          # the linker would add 28 KB of padding for that.
          ["target_arch=='arm64' or target_arch=='ppc64'", {
            "ldflags": ["-Wl,-z,max-page-size=65536", "-Wl,-z,common-page-size=65536", "-Wl,-z,norelro"]
          }, {
            "ldflags": ["-Wl,-z,relro"]
          }]
        ]
      }
    }
  }
}
