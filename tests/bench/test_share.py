"""A command gets its share of the processor, and nothing of that is left."""

import subprocess
from pathlib import Path

import pytest

from bench.share import CannotLimit, share


@pytest.fixture
def may_limit():
    try:
        with share(0.25):
            pass
    except CannotLimit as error:
        pytest.skip(f"the processor cannot be limited here: {error}")


def test_a_command_and_its_children_are_in_the_group(may_limit):
    with share(0.25) as limited:
        group = Path(limited[-1]).parent
        # The shell does not become the last command of several, so this one is a child.
        printed = subprocess.check_output(
            [*limited, "sh", "-c", "cat /proc/self/cgroup; exit 0"], text=True
        )
        limits = " ".join(file.read_text() for file in group.glob("cpu.*"))

    assert f"/{group.name}\n" in printed
    assert {"25000", "100000"} <= set(limits.split())
    assert not group.exists()


def test_a_group_is_removed_after_an_error(may_limit):
    context = share(0.25)
    group = Path(context.__enter__()[-1]).parent
    assert group.exists()
    error = RuntimeError("in the middle")
    assert not context.__exit__(type(error), error, None)
    assert not group.exists()


@pytest.mark.parametrize("folders", [[], ["cpu"]])
def test_a_folder_that_the_system_does_not_keep_limits_nothing(tmp_path, folders):
    for folder in folders:
        (tmp_path / folder).mkdir()
    with pytest.raises(CannotLimit), share(0.25, tmp_path):
        pass
    assert [each.name for each in tmp_path.rglob("*")] == folders


def test_without_control_groups_nothing_is_limited(tmp_path):
    with pytest.raises(CannotLimit), share(0.25, tmp_path / "missing"):
        pass
