"""The words for the states of a table."""

from pathlib import Path

from shared.domain.people.overview import State
from shared.pages.tables import STATES

ROOT = Path(__file__).parents[2]


def test_every_state_has_a_word_and_is_explained_to_the_one_on_call():
    assert set(STATES) == set(State)
    page = (ROOT / "docs" / "operations.md").read_text()
    section = page.partition("\n## At a glance\n")[2].partition("\n## ")[0]
    assert [word for word in STATES.values() if word not in section] == []
