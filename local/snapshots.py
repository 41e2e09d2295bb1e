"""`make snapshots` writes what the template deploys in each profile of `tests/infra/profiles`.

`bicep snapshot --mode overwrite` does the same. But it takes a process for each profile, and the
order of the outputs is another one each time.
"""

import json
import sys
from pathlib import Path

from local.bicep import HOW_TO_GET_IT, Bicep, installed

PROFILES = sorted((Path(__file__).parents[1] / "tests/infra/profiles").glob("*.bicepparam"))
WHERE = {
    "tenantId": "20000000-0000-0000-0000-000000000000",
    "subscriptionId": "10000000-0000-0000-0000-000000000001",
    "location": "westeurope",
    "deploymentName": "deployment",
}


def taken(bicep: Bicep, profile: Path) -> str:
    """Return the snapshot as it stands in the file."""
    answer = bicep.ask("getSnapshot", path=str(profile), metadata=WHERE)
    snapshot = json.loads(answer["snapshot"])
    snapshot["outputs"] = dict(sorted(snapshot["outputs"].items()))
    return json.dumps(snapshot, indent=2) + "\n"


def file_of(profile: Path) -> Path:
    return profile.with_suffix(".snapshot.json")


def main() -> int:
    program = installed()
    if program is None:
        print(HOW_TO_GET_IT, file=sys.stderr)
        return 1
    with Bicep(program) as bicep:
        for profile in PROFILES:
            file_of(profile).write_text(taken(bicep, profile))
    return 0


if __name__ == "__main__":
    sys.exit(main())
