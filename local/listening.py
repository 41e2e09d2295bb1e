"""A listening socket of 127.0.0.1."""

import socket

KEEP_ALIVE_SECONDS = 120
"""How long a server keeps an idle connection. The libraries' own 5 s is just as long as clients
here wait between two requests: those that meet the closing are lost.
"""


def listen(port: int) -> socket.socket:
    """Port 0 picks a free one.

    With its protocol named asyncio sends without delay: without, each answer on a connection that
    is kept waits 40 ms for the client's acknowledgement.
    """
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind(("127.0.0.1", port))
    listening.listen()
    return listening
