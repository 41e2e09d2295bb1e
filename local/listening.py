"""A listening socket on 127.0.0.1."""

import socket

KEEP_ALIVE_SECONDS = 120
"""How long a server keeps an idle connection.

The libraries' default of 5 s equals the wait of some clients between two requests. A request that
arrives while the server closes the connection would get lost.
"""


def listen(port: int) -> socket.socket:
    """Return a socket that listens. Port 0 picks a free port.

    The protocol must be given: only then asyncio sends without delay. Otherwise each answer on a
    connection that stays open waits 40 ms for the client's acknowledgement.
    """
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind(("127.0.0.1", port))
    listening.listen()
    return listening
