"""Whatever a Bicep file names is there; and that a fault would be found."""

import pytest

from .bicep import FILES, INFRA, planted
from .names import faults


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_every_name_is_declared_and_used_and_modules_get_what_they_ask_for(file):
    assert [*faults(file, file.read_bytes())] == []


@pytest.mark.parametrize(
    ("file", "right", "wrong", "told"),
    [
        ("main", "skuName: storageSku", "skuName: storageSkus", "storageSkus is not declared"),
        ("main", "    skuName: storageSku\n", "", "storage: skuName is not given"),
        ("main", "skuName: storageSku", "sku: storageSku", "storage: it has no sku"),
        ("main", "storage.outputs.endpoints", "storage.outputs.ends", "outputs.ends is no output"),
        ("main", "roles!.outputs.operator", "roles!.outputs.operators", "is no output"),
        ("main", "id => trim(id)", "id => trim(i)", "i is not declared"),
        ("main", "paused ? 'true'", "false ? 'true'", "paused is never used"),
        ("modules/app", "'PYTHON|${pythonVersion}'", "'PYTHON|${python}'", "python is not"),
        ("modules/alerts", "rule.severity", "rules2.severity", "rules2 is not declared"),
        ("modules/alerts", "map(rule", "mapped(rule", "mapped is not declared"),
        ("modules/drift", "hostKey: hostKey", "", "rule: hostKey is not given"),
    ],
)
def test_a_fault_is_found(file, right, wrong, told):
    path = INFRA / f"{file}.bicep"
    found = [*faults(path, planted(path, right, wrong))]
    assert any(told in fault for fault in found), found
