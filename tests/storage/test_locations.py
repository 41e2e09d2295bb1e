"""What the locations answered comes back as it was written."""

from hypothesis import given
from hypothesis import strategies as st

from shared.domain.locations import Standing
from shared.storage.locations import LocationLog

from .tables import MemoryTable
from .values import moments, texts

_STANDINGS = st.builds(
    Standing, texts, texts, st.dictionaries(texts, moments, max_size=3), st.none() | moments
)


@given(st.dictionaries(texts, _STANDINGS, max_size=3))
def test_the_standings_come_back_as_they_were_written(standings):
    log = LocationLog(MemoryTable.client())
    assert log.read() == {}
    log.write({})
    log.write(standings)
    assert log.read() == standings
