"""The storage roles, against what the product itself asks of Azurite."""

import json
import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from shared import workers
from tests.builders.azure import add_table, answer
from tests.builders.routes import to_firewall
from tests.builders.runs import register, sync
from tests.calls import in_hand

ROOT = Path(__file__).parents[2]
ENTITIES = {
    "GET": "entities/read",
    "POST": "entities/add/action",
    "PUT": "entities/update/action",
    "PATCH": "entities/update/action",
    "DELETE": "entities/delete",
}
TABLES = {"GET": "tables/read", "POST": "tables/write", "DELETE": "tables/delete"}
"""Source: "Authorize access to tables using Microsoft Entra ID", by operation."""
READER = {"entities/read", "tables/read"}
CONTRIBUTOR = {*ENTITIES.values(), *TABLES.values()}
"""Source: "Azure built-in roles": what Storage Table Data Reader and Contributor may."""


@pytest.fixture
def asked(azure, app, storage, monkeypatch):
    """What a run, a check and a rollback's worth of the product has asked: service and action."""
    monkeypatch.setattr(workers, "app", lambda: app)
    [endpoint] = re.findall(r"TableEndpoint=([^;]+)", storage)
    found = set()

    def note(request):
        url = urlsplit(request.url)
        if url.netloc == urlsplit(endpoint).netloc:
            of_tables = url.path.rstrip("')").endswith(("/Tables", "/Tables('"))
            found.add((TABLES if of_tables else ENTITIES)[request.method])
        elif url.netloc != urlsplit(azure.url).netloc:
            found.add(url.netloc)

    answer(azure, "20.0.0.0/24")
    add_table(azure.state, "one", [to_firewall()])
    with in_hand(note, lambda _request: None):
        register(app, "one")
        sync(app)
        workers.daily_check()
        app.registry.delete(next(iter(app.registry.list())).route_table_id)
    return found


def test_the_code_works_on_tables_alone_and_with_no_more_than_the_role_gives(asked):
    assert asked <= CONTRIBUTOR


def test_a_reader_of_tables_could_not_do_it(asked):
    assert asked - READER


def test_queues_are_the_bindings_and_blobs_the_hosts_own():
    roles = json.loads((ROOT / "infra" / "roles" / "built-in.json").read_text())["storage"]
    assert {*roles} == {
        "Storage Blob Data Owner",  # locks, keys and the package of the host
        "Storage Queue Data Contributor",  # the bindings
        "Storage Table Data Contributor",  # the code
    }
    bindings = re.findall(r"@app\.(\w+)\(", (ROOT / "function_app.py").read_text())
    assert {"queue_trigger", "queue_output"} <= {*bindings}
    assert not [name for name in bindings if "blob" in name or "table" in name]
