# The build by a user of the package, who has a system that no prebuilt add-on is for:
# `node-gyp rebuild --directory native`, as the message of ERR_SYSTEMD_ADDON says.
{ "includes": ["libsystemd.gypi"] }
