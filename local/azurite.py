"""Azurite, Microsoft's storage emulator. It keeps its data in memory and listens on 127.0.0.1."""

import os
import re
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Self

from local.listening import KEEP_ALIVE_SECONDS

ROOT = Path(__file__).parents[1]
# Microsoft's documentation publishes the account of the emulator.
ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
_SERVICES = ("blob", "queue", "table")


class Azurite:
    """Starts and stops Azurite as a context. Port 0 picks a free port.

    `on_request` gets each request as a line of the access log.
    """

    def __init__(
        self,
        ports: Mapping[str, int] | None = None,
        accounts: Sequence[str] = (ACCOUNT,),
        on_request: Callable[[str], None] | None = None,
    ) -> None:
        self._on_request = on_request
        self._accounts = accounts
        self._ports = dict.fromkeys(_SERVICES, 0) | dict(ports or {})
        self._process: subprocess.Popen[str] | None = None
        self._urls: dict[str, str] = {}
        self._moved = threading.Event()

    def connection_string(self, account: str = ACCOUNT) -> str:
        endpoints = "".join(
            f"{name.title()}Endpoint={url}/{account};" for name, url in self._urls.items()
        )
        return f"DefaultEndpointsProtocol=http;AccountName={account};AccountKey={KEY};{endpoints}"

    def __enter__(self) -> Self:
        accounts = ";".join(f"{account}:{KEY}" for account in self._accounts)
        self._process = subprocess.Popen(
            ["node", str(ROOT / "local" / "azurite.cjs"), *self._options()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=ROOT,
            env={**os.environ, "AZURITE_ACCOUNTS": accounts},
        )
        self._wait_until_ready(self._process)

        self._follower = threading.Thread(target=self._follow, args=(self._process,), daemon=True)
        self._follower.start()
        return self

    def __exit__(self, *_: object) -> None:
        process = self._process
        assert process is not None and process.stdin is not None and process.stdout is not None
        process.stdin.close()
        process.wait(20)
        self._follower.join(20)
        process.stdout.close()

    def forward(self, seconds: float) -> None:
        """Move Azurite's clock. Messages are hidden, and everything expires, by this clock.

        So a message that has 60 s to wait comes after `forward(60)`. The clock of this process and
        of the host stay as they are.
        """
        assert self._process is not None and self._process.stdin is not None
        self._moved.clear()
        self._process.stdin.write(f"{seconds}\n")
        self._process.stdin.flush()
        if not self._moved.wait(20):
            raise TimeoutError("Azurite did not move its clock")

    def _options(self) -> list[str]:
        options = ["--inMemoryPersistence", "--skipApiVersionCheck", "--disableTelemetry"]
        if self._on_request is None:
            options.append("--silent")
        for name, port in self._ports.items():
            options += [f"--{name}Host", "127.0.0.1", f"--{name}Port", str(port)]
            options += [f"--{name}KeepAliveTimeout", str(KEEP_ALIVE_SECONDS)]
        return options

    def _follow(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("clock moved"):
                self._moved.set()
            elif self._on_request is not None and " HTTP/1.1" in line:
                self._on_request(line)

    def _wait_until_ready(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        output = []
        for line in process.stdout:
            output.append(line)
            found = re.search(r"Azurite (\w+) service is successfully listening at (\S+)", line)
            if found:
                self._urls[found[1].lower()] = found[2]
            if len(self._urls) == len(_SERVICES):
                return
        raise RuntimeError("Azurite did not start:\n" + "".join(output))
