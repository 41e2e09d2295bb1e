"""The answers that every door gives."""

from itertools import islice

from shared import answers
from shared.domain.addresses import SourceContent, Version
from tests.builders.runs import START, TAG


def test_a_page_of_versions_compares_only_its_own(app, monkeypatch):
    last = None
    for number in range(5):
        content = SourceContent(TAG, str(number), ("westeurope",), (f"20.0.{number}.0/24",))
        last = app.versions.append(content, last, recorded_at=START, run_id="r")

    compared: list[str] = []
    change_since = Version.change_since

    def noted(version, previous):
        compared.append(version.version_id)
        return change_since(version, previous)

    monkeypatch.setattr(Version, "change_since", noted)
    page = list(islice(answers.versions(app), 2))
    assert [version.change_number for version, _ in page] == ["4", "3"]
    assert [change.removed for _, change in page] == [("20.0.3.0/24",), ("20.0.2.0/24",)]
    assert compared == [version.version_id for version, _ in page]
