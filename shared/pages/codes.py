"""The page of all codes and states: what each means, what to do, and the command for it."""

from typing import Any

from ..domain.codes import CODES, Code, Grade
from ..domain.people.next_steps import About, step_for_code, step_for_state
from ..domain.people.overview import Mood, State

OF_AZURE = "azure"
"""The place on the page for codes that only Azure knows."""
_MOODS = {
    Grade.INFO: Mood.GOOD,
    Grade.ATTENTION: Mood.WATCH,
    Grade.BLOCKS: Mood.BAD,
    Grade.FAILS: Mood.BAD,
}


def anchor_of(code: Code) -> str:
    """Return the place of the code on the page."""
    return code.name if code.name in CODES else OF_AZURE


def codes_page() -> dict[str, Any]:
    return {
        "states": [(state, step_for_state(state, About())) for state in [*State][::-1]],
        "codes": [
            (code, _MOODS[code.grade], step_for_code(code, About()))
            for _, code in sorted(CODES.items())
        ],
        "of_azure": OF_AZURE,
    }
