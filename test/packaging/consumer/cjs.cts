import libsystemd = require('libsystemd');
import sd = require('libsystemd/sd');

const first: libsystemd.InheritedDescriptor | undefined = libsystemd.listenFd();
const isListening: boolean = sd.sd_is_socket(3, sd.AF_UNIX, sd.SOCK_STREAM, 1);
console.log(first, isListening);

// @ts-expect-error: the types are those of the package, and not any
libsystemd.notify.status(42);
