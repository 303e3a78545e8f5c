# The second add-on: what no start of a service needs. libsystemd/testing, npx libsystemd, libsystemd/journal and
# libsystemd/unix load it.
{
  "targets": [
    {
      "target_name": "libsystemd-sockets",
      "defines": ["LIBSYSTEMD_SOCKETS"],
      "sources": [
        "addon.cc",
        "sockets.cc",
        "descriptors.cc",
        "messages.cc",
        "readiness.cc",
        "watcher.cc",
        "event.cc",
        "journal.cc",
        "sd-journal.cc",
        "builtin-journal.cc",
        "../function.cc",
        "../call.cc",
        "../held-fds.cc"
      ]
    }
  ]
}
