"""Another Functions host instead of the local one: `python -m local.other_host`.

HOST_COMMAND is a command that serves the app at http://127.0.0.1:$HOST_PORT until it gets SIGTERM.
It may name the variables of its environment as $HOST_PORT or ${HOST_PORT}; no shell reads it. It
runs in the app's folder. Its environment has the app's settings, AzureWebJobsStorage among them,
and these variables:

HOST_PORT                       a free port; ASPNETCORE_URLS has the whole address
WEBSITE_HOSTNAME                the address without http://, as App Service and Core Tools set it
HOST_KEY, MASTER_KEY            the host key and the master key that its callers use
FUNCTION_KEYS                   a key of its own for each function in this JSON object, if it is set
FUNCTIONS_SECRETS_PATH          a folder with these keys, as the real host keeps them (host.json,
                                and FUNCTION.json)
AzureWebJobsSecretStorageType   `files`: so the real host takes its keys from that folder
TMPDIR                          a folder of its own, in which Core Tools look for the same folder
FUNCTIONS_WORKER_RUNTIME        `python`
AzureWebJobsScriptRoot          the app's folder
PATH                            with the Python that has the app's packages in front

Core Tools check keys only with `--enableAuth`.

Towards whoever starts it, this process is like `python -m local.host`: it prints its address first,
writes logs to standard error, and ends at SIGTERM or when standard input closes.

Not tried: Core Tools themselves. They are no package of a registry, so this was never run with
them. The names of the variables come from their source (`SelfHostWebHostSettingsFactory.cs`) and
from that of the host (`WebScriptHostConfigurationSource.cs`, `HostSecrets.cs`).
"""

import json
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from string import Template

from .listening import listen

ROOT = Path(__file__).parents[1]
STOPS_WITHIN_SECONDS = 4


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, **_environment(Path(folder))}
        command = Template(environment["HOST_COMMAND"]).substitute(environment)
        process = subprocess.Popen(
            shlex.split(command),
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,  # the local host would end with it
            stdout=sys.stderr,
            start_new_session=True,
        )
        signal.signal(signal.SIGTERM, lambda *_: process.terminate())
        threading.Thread(target=_stop_with_parent, args=(process,), daemon=True).start()
        print(f"http://127.0.0.1:{environment['HOST_PORT']}", flush=True)
        return process.wait()


def _environment(folder: Path) -> Mapping[str, str]:
    # Core Tools keep their secrets in this folder of the temporary folder.
    secrets = folder / "secrets" / "functions" / "secrets"
    secrets.mkdir(parents=True)
    for name, keys in _keys().items():
        (secrets / f"{name.lower()}.json").write_text(json.dumps(keys))

    port = _free_port()
    return {
        "HOST_PORT": str(port),
        "WEBSITE_HOSTNAME": f"127.0.0.1:{port}",
        "ASPNETCORE_URLS": f"http://127.0.0.1:{port}",
        "FUNCTIONS_SECRETS_PATH": str(secrets),
        "AzureWebJobsSecretStorageType": "files",
        "TMPDIR": str(folder),
        "FUNCTIONS_WORKER_RUNTIME": "python",
        "AzureWebJobsScriptRoot": str(ROOT),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }


def _keys() -> Mapping[str, object]:
    """Return the content of each file of keys, by its name."""

    def key(name: str, value: str) -> Mapping[str, object]:
        return {"name": name, "value": value, "encrypted": False}

    of_host = {
        "masterKey": key("master", os.environ["MASTER_KEY"]),
        "functionKeys": [key("default", os.environ["HOST_KEY"])],
        "systemKeys": [],
    }
    own = json.loads(os.environ.get("FUNCTION_KEYS") or "{}")
    return {"host": of_host} | {name: {"keys": [key("own", text)]} for name, text in own.items()}


def _free_port() -> int:
    """Another process might take the port before the host does, but that is rare."""
    with listen(0) as listening:
        port: int = listening.getsockname()[1]
        return port


def _stop_with_parent(process: subprocess.Popen[bytes]) -> None:
    """When the process that started this one ends, standard input closes."""
    sys.stdin.read()
    process.terminate()
    try:
        process.wait(STOPS_WITHIN_SECONDS)
    except subprocess.TimeoutExpired:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main())
