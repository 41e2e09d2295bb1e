"""The simulated Azure answers as the real one was recorded to, recording by recording."""

import json
import shutil
from dataclasses import replace

import pytest

from tests.builders.recorded import RECORDINGS, needs_recordings

from .__main__ import main
from .recorded import Recording, assert_same, recordings
from .scenarios import scenario_of

RECORDED = {recorded.name: recorded for recorded in recordings()}
COVERED = [recorded for recorded in RECORDED.values() if scenario_of(recorded)]


def answered(azure, recorded: Recording):
    scenario = scenario_of(recorded)
    assert scenario is not None
    return scenario(azure, recorded)


@needs_recordings
@pytest.mark.parametrize("recorded", COVERED, ids=lambda recorded: recorded.name)
def test_azure_answers_as_recorded(azure, recorded):
    assert_same(answered(azure, recorded), recorded)


@needs_recordings
def test_no_fewer_are_covered_than_once_were():
    assert len(COVERED) >= 62


@needs_recordings
@pytest.mark.parametrize(
    ("name", "changed"),
    [
        ("route_get_200", {"status": 201}),
        ("route_get_200", {"headers": {"cache-control": "no-cache"}}),
        ("route_put_create_201", {"headers": {"cache-control": "no-cache", "location": "x"}}),
        ("xplat_route_put_create_201_retry_after_10", {"headers": {"expires": "-1"}}),
        ("xplat_routetable_put_noop_200_no_retry_after", {"headers": {"retry-after": "10"}}),
        ("routetable_poll_200_InProgress", {"body": {"status": "InProgress", "percent": 1}}),
        ("route_list_200", {"body": {"value": [], "nextLink": None}}),
        ("routetable_delete_202", {"body": {}}),
    ],
)
def test_an_answer_that_is_not_as_recorded_is_seen(azure, name, changed):
    recorded = RECORDED[name]
    answer = answered(azure, recorded)
    with pytest.raises((AssertionError, ValueError)):
        assert_same(answer, replace(recorded, **changed))


@needs_recordings
@pytest.mark.parametrize("key", ["etag", "type", "properties"])
def test_a_key_that_is_missing_or_of_another_type_is_seen(azure, key):
    recorded = RECORDED["routetable_get_200_after_create"]
    answer = answered(azure, recorded)
    for body in ({k: v for k, v in recorded.body.items() if k != key}, {**recorded.body, key: 1}):
        with pytest.raises(AssertionError):
            assert_same(answer, replace(recorded, body=body))


@needs_recordings
def test_a_new_recording_is_picked_up_and_one_that_is_not_covered_is_named(tmp_path, capsys):
    shutil.copy(RECORDINGS / "route_get_200.json", tmp_path / "a_new_one.json")
    content = json.loads((RECORDINGS / "route_get_200.json").read_text())
    content["request"]["url"] = content["request"]["url"].replace("routeTables", "natGateways")
    (tmp_path / "another.json").write_text(json.dumps(content))
    main(tmp_path)
    unknown = "GET Microsoft.Network/natGateways/routes with 200 is not simulated"
    assert capsys.readouterr().out.splitlines() == [
        f"not covered: another: {unknown}",
        "1 of 2 recordings",
    ]
