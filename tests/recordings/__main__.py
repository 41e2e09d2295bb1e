"""Name the recordings that no test covers, and why; then count."""

from pathlib import Path

from tests.builders.recorded import RECORDINGS

from .recorded import recordings
from .scenarios import scenario_of, why_none


def main(folder: Path = RECORDINGS) -> None:
    found = recordings(folder)
    if not found:
        print(f"there are no recordings in {folder}")
    uncovered = [recorded for recorded in found if scenario_of(recorded) is None]
    for recorded in uncovered:
        print(f"not covered: {recorded.name}: {why_none(recorded)}")
    print(f"{len(found) - len(uncovered)} of {len(found)} recordings")


if __name__ == "__main__":
    main()
