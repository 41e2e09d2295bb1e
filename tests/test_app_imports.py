"""Nothing heavy is imported before it is used: each of these is a fresh process."""

import subprocess
import sys

import pytest

from local.azurite import ROOT
from tests.builders.azure import add_table, table_id
from tests.builders.once import once

SDKS = {"azure.core", "azure.data", "azure.identity", "azure.mgmt", "requests"}
OTHERS = {"pydantic", "jwt", "cryptography", "shared"}
HEALTH = """
import azure.functions as func
import function_app
from shared.endpoints import health
answer = health(func.HttpRequest("GET", "/api/health", body=b""))
assert answer.status_code == 200, answer.get_body()
"""


def imported(code, environment):
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys\nprint(*sys.modules)"],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


def test_indexing_imports_neither_an_sdk_nor_our_own_code():
    modules = imported("import function_app; function_app.app.get_functions()", {})
    assert {"function_app", "azure.functions"} <= modules
    assert not modules & (SDKS | OTHERS)


@pytest.mark.parametrize(
    "unused",
    [
        *("azure.mgmt.network", "azure.mgmt.web", "azure.identity", "msal", "jwt", "cryptography"),
        *("azure.storage.blob", "shared.endpoints.description"),
    ],
)
def test_health_imports_only_what_storage_needs(app_settings, unused, tmp_path_factory):
    modules = once(tmp_path_factory, "health", lambda: imported(HEALTH, app_settings))
    assert "azure.data.tables" in modules
    assert unused not in modules


def test_reads_of_azure_import_no_client_of_the_sdk(azure, app_settings):
    add_table(azure.state, "one")
    read = f"""
from shared.app import app
from shared.domain.armid import RouteTableId
assert app().route_tables.read(RouteTableId.parse("{table_id("one")}")).etag
assert app().pull.record(["AppServiceManagement"], run_id="run").versions
"""
    modules = imported(read, app_settings)
    assert "azure.mgmt.core" in modules
    assert not modules & {"azure.mgmt.network", "azure.mgmt.web"}
