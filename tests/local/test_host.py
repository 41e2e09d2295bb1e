"""The local host does as the real one."""

from local.azurite import ROOT
from local.host.config import queue_options


def test_host_json_holds_unless_the_environment_overrides_it():
    options = queue_options(ROOT, {})
    assert options.max_dequeue_count == 15
    assert options.visibility_timeout.total_seconds() == 60
    prefix = "AzureFunctionsJobHost__extensions__queues__"
    changed = queue_options(ROOT, {f"{prefix}maxDequeueCount": "3", f"{prefix}batchSize": "1"})
    assert (changed.max_dequeue_count, changed.batch_size) == (3, 1)


def test_the_host_says_what_it_has_used_itself(host):
    before = host.request("GET", "/local/cpu").json()["seconds"]
    for _ in range(20):
        host.request("GET", "/admin/host/status").raise_for_status()
    assert 0 < before < host.request("GET", "/local/cpu").json()["seconds"]
    anyone = {"x-functions-key": host.key}
    assert host.request("GET", "/local/cpu", headers=anyone).status_code == 401
