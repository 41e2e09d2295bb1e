"""Names and ids from storage, which a shell offers to complete.

A person waits at the keyboard, so an answer that takes too long, or any error, is no answer.
"""

import logging
import threading
import warnings
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from itertools import islice

from ..app import app
from ..domain.armid import ResourceId, ignoring_case
from ..render import mode_or_action
from . import names
from .agreement import following

PATIENCE_SECONDS = 3.0
MOST_RUNS = 20

type Offered = list[tuple[str, str]]
"""Each word with a short text about it, which some shells show."""


def tables(incomplete: str) -> Offered:
    return _in_time(lambda: _resources(names.known_tables(), incomplete))


def environments(incomplete: str) -> Offered:
    return _in_time(lambda: _resources(names.known_environments(), incomplete))


def runs() -> Offered:
    return _in_time(
        lambda: [
            (names.LAST, "the newest one"),
            *(
                (run.run_id, f"{mode_or_action(run)}, {run.status}")
                for run in islice(app().runs.list(), MOST_RUNS)
            ),
        ]
    )


def versions() -> Offered:
    return _in_time(lambda: [(one, "") for one in sorted(app().versions.ids(), reverse=True)])


def _resources(found: Iterable[ResourceId], incomplete: str) -> Offered:
    """Offer the shortest name that only this resource has, or the one that was begun."""
    every = [(one, names.names_of(one)) for one in found]
    number = Counter(ignoring_case(name) for _, forms in every for name in forms)

    offered: Offered = []
    for one, forms in every:
        unique = (name for name in forms if number[ignoring_case(name)] == 1)
        begun = (word for word in (*unique, str(one)) if word.startswith(incomplete))
        offered += [(word, str(one)) for word in islice(begun, 1)]
    return offered


def _in_time(ask: Callable[[], Offered]) -> Offered:
    """Return nothing if the answer fails or is late. Nothing else may reach the terminal."""
    logging.disable()
    warnings.simplefilter("ignore")
    answer: Offered = []

    def note() -> None:
        # Whatever it is, the shell goes on without.
        with suppress(Exception), following(quiet=True):
            answer.extend(ask())

    # The process ends without waiting for this thread.
    asking = threading.Thread(target=note, daemon=True)
    asking.start()
    asking.join(PATIENCE_SECONDS)
    return [*answer]
