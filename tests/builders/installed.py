"""`ase-route-sync` as a program that scripts can start, as if it had been installed.

The program hands its arguments, its environment and its standard streams to the tests, and there a
warm process is the command.
"""

import json
import os
import socket
import sys
import threading
from pathlib import Path
from socketserver import BaseRequestHandler, ThreadingUnixStreamServer
from tempfile import TemporaryDirectory
from typing import Self

from local.warm import WarmProcess

from .clocks import LONGEST_SECONDS

PROGRAM = """#!{python} -IS
import json, os, socket, sys

with socket.socket(socket.AF_UNIX) as tests:
    tests.connect({address!r})
    socket.send_fds(tests, [b"."], [0, 1, 2])
    tests.sendall(json.dumps([os.getcwd(), dict(os.environ), sys.argv[1:]]).encode())
    tests.shutdown(socket.SHUT_WR)
    sys.exit(ord(tests.recv(1)))
"""


class Installed:
    """`program` is its path."""

    def __init__(self) -> None:
        # The address of a socket has to be short, and the folders of the tests are deep.
        self._folder = TemporaryDirectory()
        self.program = Path(self._folder.name) / "ase-route-sync"
        address = f"{self._folder.name}/socket"
        self._server = _Server(address, _Handler)
        self.program.write_text(PROGRAM.format(python=sys.executable, address=address))
        self.program.chmod(0o755)

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._folder.cleanup()


class _Server(ThreadingUnixStreamServer):
    daemon_threads = True


class _Handler(BaseRequestHandler):
    def handle(self) -> None:
        caller: socket.socket = self.request
        _, streams, _, _ = socket.recv_fds(caller, 1, 3)
        with caller.makefile("rb") as given:
            folder, environment, arguments = json.load(given)

        command = WarmProcess("shared", *arguments, env=environment, streams=streams, folder=folder)
        for stream in streams:
            os.close(stream)
        try:
            caller.send(bytes([command.wait(LONGEST_SECONDS) % 256]))
        finally:
            command.kill()
