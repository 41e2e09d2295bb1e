"""A fixed piece of work, done beside each measurement: it tells how fast the machine is just then.

Two processor times, of two machines or of one at two times, can be compared if each is divided by
the time of this work there.
"""

import hashlib
import json
import statistics
import time

_REPEATS = 9
_TABLES = 10
_ROUTES = [
    {"name": f"asemgmt-10.0.{number}.0-24", "properties": {"addressPrefix": f"10.0.{number}.0/24"}}
    for number in range(250)
]


def loop_ms() -> float:
    """Return the processor time of the work in milliseconds: the median of some repeats."""
    return round(statistics.median(_time_of_loop() for _ in range(_REPEATS)), 2)


def _time_of_loop() -> float:
    """Write and read tables of 250 routes, as the app does."""
    began = time.process_time()
    for _ in range(_TABLES):
        text = json.dumps(_ROUTES)
        hashlib.sha256(text.encode()).hexdigest()
        sorted(json.loads(text), key=lambda route: str(route["properties"]["addressPrefix"]))
    return (time.process_time() - began) * 1000
