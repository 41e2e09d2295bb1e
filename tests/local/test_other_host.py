"""Any command can serve the app in the tests of the functions, and is told how."""

import sys

import psutil
import pytest

from local import conformance_host
from local.stack import HostProcess, start_other

HOST = """
import http.server, json, os, pathlib, sys

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        secrets = pathlib.Path(os.environ["FUNCTIONS_SECRETS_PATH"])
        told = {"state": "Running", "pid": os.getpid(), "environment": dict(os.environ)}
        told["keys"] = json.loads((secrets / "host.json").read_text())
        told["isSamePlace"] = secrets == pathlib.Path(os.environ["TMPDIR"], *sys.argv[2:])
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(told).encode())

http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


@pytest.fixture
def command(tmp_path, monkeypatch):
    (tmp_path / "host.py").write_text(HOST)
    arguments = "$HOST_PORT secrets functions secrets"
    monkeypatch.setenv("HOST_COMMAND", f"{sys.executable} {tmp_path}/host.py {arguments}")


@pytest.mark.usefixtures("command")
def test_a_command_gets_the_settings_and_keys_and_ends_with_the_test():
    settings = {"AzureWebJobsStorage": "its storage", "SOME_SETTING": "1"}
    with HostProcess(settings, key="for callers", master_key="for all", start=start_other) as host:
        told = host.request("GET", "/anything").json()
    assert settings.items() <= told["environment"].items()
    assert told["environment"]["AzureWebJobsSecretStorageType"] == "files"
    assert told["keys"]["masterKey"] == {"name": "master", "value": "for all", "encrypted": False}
    assert [key["value"] for key in told["keys"]["functionKeys"]] == ["for callers"]
    assert told["isSamePlace"]  # host.json is also where Core Tools look for it
    assert not psutil.pid_exists(told["pid"])


def test_a_command_that_ends_at_once_is_an_error(monkeypatch):
    monkeypatch.setenv("HOST_COMMAND", f"{sys.executable} -c 'raise SystemExit(\"no such app\")'")
    with (
        pytest.raises(RuntimeError, match="no such app"),
        HostProcess({}, start=start_other),
    ):
        pass


def test_without_core_tools_and_without_a_command_it_says_what_is_missing(monkeypatch, capsys):
    monkeypatch.delenv("HOST_COMMAND", raising=False)
    monkeypatch.setenv("PATH", "")
    assert conformance_host.main() == 1
    assert "HOST_COMMAND" in capsys.readouterr().err
