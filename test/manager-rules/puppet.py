"""A process of a service that does what a test tells it.

  puppet.py SOCKET UNIT ROLE

It connects to the Unix socket SOCKET, says who it is, and then executes one command after another. Each line is JSON, in
both directions. Python, because it starts fast and can send descriptors.
"""
import json
import os
import select
import signal
import socket
import sys

path, unit, role = sys.argv[1:4]
kept = []  # the descriptors that make a stored one hang up when they are closed
stored = []  # the descriptors that were sent


def connect(role):
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(path)
    lines = connection.makefile("rw")
    names = os.environ.get("LISTEN_FDNAMES", "")
    count = int(os.environ.get("LISTEN_FDS", "0"))
    hello = {
        "unit": unit,
        "role": role,
        "pid": os.getpid(),
        "names": names.split(":") if count else [],
        "kinds": [kind(fd) for fd in range(3, 3 + count)],
        "env": dict(os.environ),
    }
    answer(lines, hello)
    return lines


def answer(lines, value):
    lines.write(json.dumps(value) + "\n")
    lines.flush()


def kind(fd):
    try:
        return os.readlink(f"/proc/self/fd/{fd}").split(":")[0].split(" ")[0]
    except OSError:
        return "closed"


def make(word):
    """Makes a descriptor that is to be sent."""
    if word == "file":
        return os.memfd_create("rules")
    if word == "same":
        return os.dup(stored[-1])
    if word == "self":
        return os.pidfd_open(os.getpid())
    if word == "parent":
        return os.pidfd_open(os.getppid())
    if word in ("pair", "alone"):
        one, other = (end.detach() for end in socket.socketpair())
        if word == "pair":
            kept.append(other)
        else:
            os.close(other)
        return one
    if word == "pipe":
        reader, writer = os.pipe()
        kept.append(writer)
        return reader
    if word == "listener":
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        return listener.detach()
    if word == "unconnected":
        return socket.socket().detach()
    if word == "udp":
        return socket.socket(type=socket.SOCK_DGRAM).detach()
    raise ValueError(word)


def send(data, fds=()):
    where = os.environ.get("NOTIFY_SOCKET")
    if not where:
        return False
    sender = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    sender.connect("\0" + where[1:] if where[0] == "@" else where)
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, b"".join(fd.to_bytes(4, sys.byteorder) for fd in fds))]
    sender.sendmsg([data], rights if fds else [])
    return True


def barrier():
    """Returns when the manager has read all messages before."""
    reader, writer = os.pipe()
    sent = send(b"BARRIER=1", [writer])
    os.close(writer)
    if sent:
        poll = select.poll()
        poll.register(reader, 0)
        poll.poll(10_000)
    os.close(reader)


def number(name):
    return getattr(signal, name)


def execute(verb, words):
    if verb == "send":
        text, *kinds = words
        fds = [make(word) for word in kinds]
        send(text.encode("latin1"), fds)
        stored.extend(fds)
    elif verb == "barrier":
        barrier()
    elif verb == "monotonic":
        return int(__import__("time").monotonic() * 1e6)
    elif verb == "exit":
        os._exit(int(words[0]))
    elif verb == "kill":
        os.kill(os.getpid(), number(words[0]))
    elif verb == "trap":
        name, action = words
        if action == "ignore":
            signal.signal(number(name), signal.SIG_IGN)
        elif action == "handle":
            signal.signal(number(name), lambda *_: None)
        elif action == "default":
            signal.signal(number(name), signal.SIG_DFL)
        else:
            signal.signal(number(name), lambda *_: os._exit(int(action)))
    elif verb == "close":
        os.close(kept.pop(0))
    elif verb == "hide":
        os.setsid()
    else:
        raise ValueError(verb)
    return None


for name in ("SIGINT", "SIGPIPE"):
    signal.signal(number(name), signal.SIG_DFL)
lines = connect(role)
while True:
    line = lines.readline()
    if line == "":  # the test has ended
        os._exit(0)
    verb, *words = json.loads(line)
    if verb == "fork":
        if os.fork() == 0:
            lines = connect(words[0])
            continue
        answer(lines, None)
    else:
        answer(lines, execute(verb, words))
