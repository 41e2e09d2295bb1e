"""Name the recordings that no test covers, and why; then count."""

import sys

from tests.builders import RECORDINGS

from .recorded import recordings
from .scenarios import scenario_of, why_none


def main() -> int:
    found = recordings()
    if not found:
        print(f"There are no recordings in {RECORDINGS}")
    uncovered = [recorded for recorded in found if scenario_of(recorded) is None]
    for recorded in uncovered:
        print(f"not covered: {recorded.name} ({why_none(recorded)})")
    print(f"{len(found) - len(uncovered)} of {len(found)} recordings")
    return 0


if __name__ == "__main__":
    sys.exit(main())
