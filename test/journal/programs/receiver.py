"""A receiver of datagrams at journald's address, which reads only when it is told to.

It takes a command a line, and answers with a line of JSON:

  take       reads all that is there: a list of entries as hexadecimal digits, and whether each came as a sealed memory file
  wait N     reads until it has N entries, as take does
  close      closes the socket, and leaves its path
  bind       binds a new socket at the path
  remove     removes the path
"""
import array
import fcntl
import json
import os
import signal
import socket
import sys

PATH = "/run/systemd/journal/socket"
F_GET_SEALS = 1034

receiver = None


def bind():
    global receiver
    remove()
    receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    receiver.bind(PATH)
    os.chmod(PATH, 0o666)


def remove():
    if os.path.exists(PATH):
        os.unlink(PATH)


def read(fd):
    seals = fcntl.fcntl(fd, F_GET_SEALS)
    with open(fd, "rb") as file:
        file.seek(0)
        return {"entry": file.read().hex(), "seals": seals}


def take_one(flags):
    data, control, _, _ = receiver.recvmsg(1 << 24, socket.CMSG_SPACE(4), flags)
    for _, kind, bytes_ in control:
        if kind == socket.SCM_RIGHTS:
            fds = array.array("i")
            fds.frombytes(bytes_)
            return read(fds[0])
    return {"entry": data.hex()}


def take():
    taken = []
    while True:
        try:
            taken.append(take_one(socket.MSG_DONTWAIT))
        except BlockingIOError:
            return taken


signal.alarm(120)  # a test that was killed says nothing any more
bind()
print(json.dumps("ready"), flush=True)
for line in sys.stdin:
    command, *arguments = line.split()
    answer = None
    if command == "take":
        answer = take()
    elif command == "wait":
        answer = [take_one(0) for _ in range(int(arguments[0]))]
    elif command == "close":
        receiver.close()
    elif command == "bind":
        bind()
    elif command == "remove":
        remove()
    try:
        print(json.dumps(answer), flush=True)
    except BrokenPipeError:
        os._exit(0)  # the program has ended, and wants no answer
