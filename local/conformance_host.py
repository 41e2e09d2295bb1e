"""`make conformance-host`: the tests of the functions on a real Functions host.

HOST_COMMAND is the command that serves the app (local/other_host.py). Without it, Azure Functions
Core Tools are started if they are installed.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
CORE_TOOLS = "func start --enableAuth --port $HOST_PORT"
MISSING = (
    "Azure Functions Core Tools (func) are not installed. Install them, or set HOST_COMMAND to a"
    " command that serves the app: local/other_host.py says what its environment has."
)


def main() -> int:
    command = os.environ.get("HOST_COMMAND") or (CORE_TOOLS if shutil.which("func") else "")
    if not command:
        print(MISSING, file=sys.stderr)
        return 1

    print(f"· The tests of the functions on: {command}", flush=True)
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "tests/host", "-m", "not local_clock"],
        cwd=ROOT,
        env={**os.environ, "HOST_COMMAND": command},
        check=False,
    )
    return ended.returncode


if __name__ == "__main__":
    sys.exit(main())
