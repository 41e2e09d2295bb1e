"""The compiler of the infrastructure is found in each of its places."""

import pytest

from local import bicep


@pytest.fixture
def places(tmp_path, monkeypatch):
    """One program in each place, the first first."""
    monkeypatch.setattr(bicep, "ROOT", tmp_path / "checkout")
    folders = ["named", "path", "home/.azure/bin", "shared/tools"]
    programs = [tmp_path / folder / "bicep" for folder in folders]
    for program in programs:
        program.parent.mkdir(parents=True)
        program.touch(mode=0o755)

    monkeypatch.setenv("BICEP", str(programs[0]))
    monkeypatch.setenv("PATH", str(programs[1].parent))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    return programs


def test_it_is_the_one_of_the_path_then_of_the_azure_cli_then_beside_the_checkout(
    places, monkeypatch, capsys
):
    assert bicep.installed() == places[0]
    monkeypatch.delenv("BICEP")
    for program in places[1:]:
        assert bicep.installed() == program
        program.unlink()
    assert bicep.installed() is None
    assert bicep.main(["--version"]) == 1
    assert "`az bicep install --version v0.49.2`" in capsys.readouterr().err


def test_a_name_that_leads_nowhere_is_no_reason_to_look_elsewhere(places, monkeypatch):
    monkeypatch.setenv("BICEP", "none")
    assert bicep.installed() is None
