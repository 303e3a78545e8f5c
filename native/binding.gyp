# The build on a machine that no prebuilt add-on fits: `node-gyp rebuild --directory native`, as the message
# of ERR_SYSTEMD_ADDON says.
{ "includes": ["common.gypi", "libsystemd.gypi", "sockets/sockets.gypi"] }
