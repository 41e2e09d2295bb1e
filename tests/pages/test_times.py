"""Times as the pages show them."""

from datetime import timedelta

import pytest

from shared.pages.times import ago


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "just now"),
        (44, "just now"),
        (45, "1 min ago"),
        (90, "2 min ago"),
        (90 * 60 - 1, "90 min ago"),
        (90 * 60, "2 h ago"),
        (36 * 3600 - 1, "36 h ago"),
        (36 * 3600, "2 days ago"),
        (-3 * 86400, "in 3 days"),
    ],
)
def test_how_long_ago_is_said_in_one_unit(seconds, said):
    assert ago(timedelta(seconds=seconds)) == said
