"""A process that starts worker processes at once.

A process with threads cannot fork safely, and a new interpreter would import everything again. So
the host forks this keeper before it has a second thread, and the keeper forks each worker.
"""

import gc
import os
import signal
import socket
import traceback
from collections.abc import Callable
from typing import IO, NoReturn

type Work = Callable[[socket.socket], object]


class Keeper:
    """Has one worker at a time. Keeper and worker end when the host ends, however it ends."""

    def __init__(self, work: Work) -> None:
        self._socket, keepers = socket.socketpair()
        gc.freeze()  # or each collection in a fork would copy what it shares with the others
        self._pid = os.fork()
        if not self._pid:
            self._socket.close()
            _keep(keepers, work)
        keepers.close()

    def start_worker(self) -> tuple[int, socket.socket, IO[str]]:
        """Kill the worker if there is one, and start another.

        Return its process id, a socket to it, and what it prints.
        """
        ours, workers = socket.socketpair()
        printed, workers_output = os.pipe()
        socket.send_fds(self._socket, [b"\0"], [workers.fileno(), workers_output])
        workers.close()
        os.close(workers_output)

        pid = int.from_bytes(self._socket.recv(4))
        return pid, ours, os.fdopen(printed, errors="replace")

    def close(self) -> None:
        self._socket.close()
        os.waitpid(self._pid, 0)


def _keep(host: socket.socket, work: Work) -> NoReturn:
    # Ctrl-C and the end of a container reach every process. This one ends when its host has ended.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.dup2(os.open(os.devnull, os.O_RDWR), 0)
    worker = 0
    while True:
        _, fds, _, _ = socket.recv_fds(host, 1, 2)
        if worker:
            os.kill(worker, signal.SIGKILL)
            os.waitpid(worker, 0)
        if not fds:  # the host has closed its end
            os._exit(0)

        worker = os.fork()
        if not worker:
            host.close()
            _run(work, *fds)
        for fd in fds:
            os.close(fd)
        host.sendall(worker.to_bytes(4))


def _run(work: Work, connection: int, output: int) -> NoReturn:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    for standard in (1, 2):
        os.dup2(output, standard)
    os.close(output)
    try:
        work(socket.socket(fileno=connection))
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(1)
