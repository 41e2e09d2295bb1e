"""Bicep, the compiler of `infra/`. `python -m local.bicep ARGUMENTS` runs it wherever it is."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any, Self

from .programs import find_program

ROOT = Path(__file__).parents[1]
VERSION = "0.49.2"
HOW_TO_GET_IT = f"Bicep is not installed: `az bicep install --version v{VERSION}` gets it"
_ENVIRONMENT = {
    # Without this, Bicep needs a library for human languages that some systems do not have.
    "DOTNET_SYSTEM_GLOBALIZATION_INVARIANT": "1",
    # Bicep ends after some seconds, before what .NET measures of it is of any use.
    "DOTNET_TieredPGO": "0",
    "DOTNET_gcConcurrent": "0",
}


def installed() -> Path | None:
    """Return the path of the program, or None if it is in none of the places."""
    return find_program("bicep", ROOT.parent / "shared" / "tools")


class Bicep:
    """One process of the compiler, as a context. It is asked by JSON-RPC, because it takes a second
    to start.
    """

    def __init__(self, program: Path) -> None:
        self._program = program
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [self._program, "jsonrpc", "--stdio"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, **_ENVIRONMENT},
        )
        return self

    def __exit__(self, *_: object) -> None:
        to_bicep, from_bicep = self._pipes()
        to_bicep.close()
        assert self._process is not None
        self._process.wait(20)
        from_bicep.close()

    def ask(self, method: str, **params: object) -> Any:
        """Return the result. Each message is JSON after a header with its length, as in HTTP."""
        to_bicep, from_bicep = self._pipes()
        call = {"jsonrpc": "2.0", "id": 1, "method": f"bicep/{method}", "params": params}
        body = json.dumps(call).encode()
        to_bicep.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        to_bicep.flush()

        headers = dict(line.split(b": ") for line in iter(from_bicep.readline, b"\r\n"))
        answer = json.loads(from_bicep.read(int(headers[b"Content-Length"])))
        if "error" in answer:
            raise RuntimeError(answer["error"]["message"])
        return answer["result"]

    def _pipes(self) -> tuple[IO[bytes], IO[bytes]]:
        process = self._process
        assert process is not None and process.stdin is not None and process.stdout is not None
        return process.stdin, process.stdout


def main(arguments: Sequence[str]) -> int:
    program = installed()
    if program is None:
        print(HOW_TO_GET_IT, file=sys.stderr)
        return 1
    return subprocess.run(
        [program, *arguments], env={**os.environ, **_ENVIRONMENT}, check=False
    ).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
