"""A script in the PowerShell of the tests ends as it would in a process of its own."""

import pytest

from local.pwsh import ENVIRONMENT
from tests.builders import powershell

SCRIPTS = {
    "words": (
        'Write-Host "noise"; Write-Warning "careful"; Write-Output "out"',
        (0, {"noise", "WARNING: careful", "out"}),
    ),
    # The status of the last program is not that of the script.
    "another program fails": ('sh -c "exit 3"', (0, set())),
    "exit": ('sh -c "exit 3"; exit 4', (4, set())),
    "exit well": ('sh -c "exit 3"; exit 0', (0, set())),
    "error": ('throw "no"', (1, set())),
}
"""Each with the status and the words of `pwsh -File`."""


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_ends_as_in_a_process_of_its_own(powershell_session, tmp_path, name):
    text, (status, words) = SCRIPTS[name]
    script = tmp_path / "script.ps1"
    script.write_text(text)
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), **ENVIRONMENT}

    ended = powershell_session.run(script, environment)
    assert (ended.returncode, {*ended.stdout.split("\n")} - {""}) == (status, words)


def test_a_script_that_hangs_leaves_nothing_to_the_next(pwsh, tmp_path, monkeypatch):
    monkeypatch.setattr(powershell, "LONGEST_SECONDS", 3)
    hanging, good = tmp_path / "hanging.ps1", tmp_path / "good.ps1"
    hanging.write_text("Start-Sleep 600")
    good.write_text("Write-Output good")

    with powershell.PowerShell(pwsh) as session:
        with pytest.raises(TimeoutError, match=r"hanging\.ps1 did not end"):
            session.run(hanging, {})
        monkeypatch.undo()
        assert session.run(good, {}).stdout == "good\n"
