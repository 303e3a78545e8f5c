# The second add-on: what services don't need. libsystemd/testing and npx libsystemd load it.
{
  "targets": [
    {
      "target_name": "libsystemd-sockets",
      "defines": ["LIBSYSTEMD_SOCKETS"],
      "sources": [
        "addon.cc",
        "sockets.cc",
        "descriptors.cc",
        "watcher.cc",
        "event.cc",
        "../function.cc",
        "../call.cc",
        "../held-fds.cc"
      ]
    }
  ]
}
