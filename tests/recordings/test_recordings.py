"""The simulated Azure answers as the real one was recorded to, recording by recording."""

import pytest

from tests.builders import RECORDINGS, needs_recordings

from .recorded import Recording, assert_same, recordings
from .scenarios import scenario_of, why_none

RECORDED = recordings()
COVERED = [recorded for recorded in RECORDED if scenario_of(recorded)]


@needs_recordings
@pytest.mark.parametrize("recorded", COVERED, ids=lambda recorded: recorded.name)
def test_azure_answers_as_recorded(azure, recorded: Recording):
    scenario = scenario_of(recorded)
    assert scenario is not None
    assert_same(scenario(azure, recorded), recorded)


@needs_recordings
def test_what_is_not_covered_is_not_an_answer_that_the_product_meets():
    assert len(COVERED) >= 60
    assert {why_none(r) for r in RECORDED if r not in COVERED} <= {
        "an event that Azure sends, not an answer",
        "a published file, not an answer of Azure Resource Manager",
    }
