"""Whether the roles have exactly the actions that the product performs, over all tests.

Each test notes what the SDKs asked the simulated Azure for in the file that `ACTIONS_FILE` names;
`python -m tests.rights` compares that file with the roles, both ways.
"""

import json
import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

ROLES = Path(__file__).parents[1] / "infra" / "roles"
AUDITOR, OPERATOR, PROVISIONER = "auditor", "operator", "provisioner"
_OURS = "azsdk-python"
"""So begins the user agent of the SDKs; tests ask by other ways."""
FREE = frozenset(
    {
        # What one may begin one may follow; and one's own subscriptions anyone may list.
        "Microsoft.Network/locations/operations/read",
        "Microsoft.Network/locations/operationResults/read",
        "Microsoft.Resources/subscriptions/read",
        "Microsoft.Resources/tenants/read",
    }
)


def note_actions(log: Iterable[Mapping[str, Any]]) -> None:
    """What the product has asked for, if somebody wants to know."""
    file = os.environ.get("ACTIONS_FILE")
    if not file:
        return
    ours = [entry for entry in log if entry["userAgent"].startswith(_OURS)]
    actions = {action for entry in ours for action in (entry["action"], *entry["linked"])}
    with Path(file).open("a") as appended:
        appended.write("".join(f"{action}\n" for action in sorted(actions)))


def actions_of(role: str) -> frozenset[str]:
    return frozenset(json.loads((ROLES / f"{role}.json").read_text())["Actions"])


def main() -> int:
    """Print what is missing and what is spare; the exit status."""
    asked = frozenset(Path(os.environ["ACTIONS_FILE"]).read_text().splitlines()) - FREE
    given = actions_of(OPERATOR) | actions_of(PROVISIONER)
    for action in sorted(asked - given):
        print(f"missing in the roles: {action}")
    for action in sorted(given - asked):
        print(f"spare in the roles: {action}")
    print(f"{len(asked & given)} of {len(given)} actions of the roles are used by the product")
    return 0 if asked == given else 1


if __name__ == "__main__":
    sys.exit(main())
