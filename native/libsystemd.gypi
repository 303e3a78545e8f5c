# The add-on of services.
{
  "targets": [
    {
      "target_name": "libsystemd",
      "sources": [
        "addon.cc",
        "function.cc",
        "call.cc",
        "held-fds.cc",
        "libsystemd.cc",
        "builtin-environment.cc",
        "builtin-process.cc",
        "builtin-descriptor.cc",
        "builtin-notify.cc",
        "sd-daemon.cc",
        "socket.cc",
        "accept-queue.cc",
        "descriptor.cc",
        "inspect.cc",
        "thread.cc"
      ]
    }
  ]
}
