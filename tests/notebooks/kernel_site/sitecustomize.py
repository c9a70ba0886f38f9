"""Run first by every Python process of a lone kernel: no repository on the path, no network.

``nbval_alone`` puts this file beside the unpacked wheel. Refused is what Python itself opens, in the kernel
and in the Python processes that it starts. Loopback addresses and sockets of the file system stay.
"""

import os
import sys

CONNECTS = ("socket.connect", "socket.sendto", "socket.sendmsg")
LOOKS_UP = ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr")
HERE = (None, "", "localhost", "::1")


def refuse_network(event: str, arguments: tuple[object, ...]) -> None:
    """Audit hook: raise PermissionError where an address is not this machine's own."""
    if event in CONNECTS:
        address = arguments[1]
        host = address[0] if isinstance(address, tuple) else None  # a path, or a socket connected before
    elif event in LOOKS_UP:
        host = arguments[0]
    else:
        return
    name = host.decode() if isinstance(host, bytes) else host
    if name not in HERE and not str(name).startswith("127."):
        if log := os.environ.get("ASKED_NETWORK"):  # whoever asked may not say that it was refused
            with open(log, "a", encoding="utf-8") as file:
                file.write(f"{event} {name}\n")
        raise PermissionError(f"a chapter must not ask the network: {event} {name}")


source = os.environ.get("COURSE_SOURCE")
sys.path[:] = [entry for entry in sys.path if os.path.realpath(entry) != source]
sys.addaudithook(refuse_network)
