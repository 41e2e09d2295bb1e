"""`make bench`: every measurement, as a table, and in results.json with the machine described."""

import json
import os
import platform
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from . import storm

RESULTS = Path(__file__).with_name("results.json")


def main() -> int:
    print(f"A storm of {storm.ALERTS} alerts, {storm.DISTINCT} of them distinct …", flush=True)
    measured = storm.measure()
    results = {"measuredAt": f"{datetime.now(UTC):%Y-%m-%d}", "machine": _machine()} | {
        "alertStorm": measured
    }
    RESULTS.write_text(json.dumps(results, indent=2) + "\n")
    for name, value in measured.items():
        print(f"  {name.replace('_', ' '):<24} {value}")
    return 0 if measured["goals_met"] else 1


def _machine() -> dict[str, Any]:
    return {
        "cores": os.cpu_count(),
        "system": platform.system(),
        "architecture": platform.machine(),
        "python": platform.python_version(),
    }


if __name__ == "__main__":
    sys.exit(main())
