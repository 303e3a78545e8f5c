# The release build of the add-ons (node-gyp, prebuildify). native/CMakeLists.txt builds the same
# sources for development. The package of npm has no binding.gyp here, because package managers run
# node-gyp for one, whatever package.json says.
{ "includes": ["native/common.gypi", "native/libsystemd.gypi", "native/sockets/sockets.gypi"] }
