"""The compiler accepts the infrastructure, and would find a fault in it.

`bicepconfig.json` says which rules of its linter hold.
"""

import shutil
from pathlib import Path

ROOT = Path(__file__).parents[2]
INFRA = ROOT / "infra"


def diagnostics(bicep, file):
    """Of this file and of each file that it names. The linter's are among them."""
    found = bicep.ask("compile", path=str(file))["diagnostics"]
    return [f"{Path(one['source']).name}: {one['code']}: {one['message']}" for one in found]


def test_each_file_builds_and_lints_without_a_diagnostic(bicep):
    found = {file.name: diagnostics(bicep, file) for file in INFRA.rglob("*.bicep")}
    assert {name: told for name, told in found.items() if told} == {}
    assert "main.bicep" in found


FAULTS = [
    ("main", "storageSkuOf(storageSku", "storageSkuOf(storageSkus", "BCP057: "),
    ("main", "storage.outputs.endpoints", "storage.outputs.ends", 'property "ends"'),
    ("main", "paused ? 'true'", "false ? 'true'", "no-unused-params: "),
    ("modules/app", "instanceMemoryMB: 2048", "instanceMemory: 2048", '"instanceMemory" is not'),
    ("modules/app", "alwaysOn: true", "alwaysOn: 'yes'", '"alwaysOn" expected'),
    ("modules/app", "httpsOnly: true", "httpsOnly: 1", '"httpsOnly" expected'),
    ("modules/identity", "param tags Tags", "param tags object", "use-user-defined-types: "),
    ("modules/storage", "  kind: 'StorageV2'\n", "", '"kind"'),
    ("modules/monitoring", "@2025-07-01", "@2025-07-02", "BCP081: "),
    ("modules/workbook", "displayName: name", "timeModified: name", '"timeModified" is read'),
]


def test_each_fault_is_found(bicep, tmp_path):
    shutil.copytree(INFRA, tmp_path / "infra")
    shutil.copy(ROOT / "bicepconfig.json", tmp_path)
    for file, right, wrong, _ in FAULTS:
        planted = tmp_path / "infra" / f"{file}.bicep"
        source = planted.read_text()
        assert right in source
        planted.write_text(source.replace(right, wrong))

    found = diagnostics(bicep, tmp_path / "infra" / "main.bicep")
    told = {told for *_, told in FAULTS}
    assert {one for one in told if not any(one in message for message in found)} == set()
