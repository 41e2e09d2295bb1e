"""What the pages say, beside the browser's tests."""

from datetime import timedelta
from pathlib import Path

import pytest

from shared.domain.people.overview import State
from shared.pages.tables import STATES
from shared.pages.times import ago

ROOT = Path(__file__).parents[2]


def test_every_state_has_a_word_and_is_explained_to_the_one_on_call():
    assert set(STATES) == set(State)
    page = (ROOT / "docs" / "operations.md").read_text()
    section = page.partition("\n## At a glance\n")[2].partition("\n## ")[0]
    assert [word for word in STATES.values() if word not in section] == []


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
