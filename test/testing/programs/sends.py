# A daemon in Python, without a library. Its argument names what it sends after READY=1. Then it says that it is done, and stays.
import os
import signal
import socket
import sys

manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
manager.connect(os.environ["NOTIFY_SOCKET"])
listener = socket.socket()
file = os.open("/dev/zero", os.O_RDONLY)


def store(fd, name):
    socket.send_fds(manager, [b"FDSTORE=1\nFDNAME=" + name], [fd])


what = {
    "nothing": lambda: None,
    "null": lambda: manager.send(b"STATUS=a\0b"),
    "backslash": lambda: manager.send(b"STATUS=C:\\\0"),
    "twice": lambda: [store(file, name) for name in (b"one", b"two")],
    "colon": lambda: store(file, b"a:b"),
    "unconnected": lambda: store(listener.fileno(), b"client"),
}

manager.send(b"READY=1")
what[sys.argv[1]]()
manager.send(b"STATUS=done")
signal.pause()
