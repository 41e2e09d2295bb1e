"""docs/windows.md: its commands run in PowerShell, from the first to the last."""

import ast
import re
import sys

import pytest

from local.pwsh import ENVIRONMENT
from tests.builders.azure import add_environment, add_table, answer, table_id

from .reader import ROOT, blocks

PAGE = (ROOT / "docs" / "windows.md").read_text()
KEEP_GOING = "Set-StrictMode -Version Latest\n$ErrorActionPreference = 'Stop'\n"
PY = """#!/bin/sh
{python} -m venv --without-pip "$4"
ln -s bin "$4/Scripts"
"""
"""`py` as it makes an environment, with the name that its folder has on Windows."""
NOT_ON_WINDOWS = {"fcntl", "grp", "pty", "pwd", "resource", "syslog", "termios", "tty"}


@pytest.fixture
def reader(azure, make_host, make_reader):
    answer(azure, "20.0.0.0/24")
    add_environment(azure.state, "payroll", table=add_table(azure.state, "payroll"))
    host = make_host()
    made = make_reader("stfirst")
    made.has(
        "azd",
        {
            "env get-value APP_URL": host.url,
            "env get-value STORAGE_ACCOUNT": "stfirst",
            "env get-value AZURE_RESOURCE_GROUP": "rg-first",
            "env get-value APP_NAME": "func-first",
        },
    )
    made.has("az", {"functionapp keys list --resource-group rg-first --name func-first": host.key})
    for name in ("winget", "pip"):
        made.has(name)
    program = made.folder / "bin" / "py"
    program.write_text(PY.format(python=sys.executable))
    program.chmod(0o755)
    return made


def test_the_commands_run_in_powershell(reader, pwsh):
    script = reader.folder / "page.ps1"
    page = "\n".join(text for _, text in blocks(PAGE, "powershell"))
    script.write_text(f"{KEEP_GOING}{page}")
    done = reader.run((pwsh, "-NoProfile", "-File", script), **ENVIRONMENT)
    assert done.returncode == 0, done.stdout + done.stderr

    assert "exit status: 2" in done.stdout  # changes are pending
    assert f"\n{table_id('payroll')}\n" in done.stdout  # from the file that PowerShell wrote
    assert re.search(r"^Succeeded: @{.*planned=1;", done.stdout, re.MULTILINE), done.stdout


def test_a_completed_command_comes_from_the_profile(reader, pwsh):
    """PSReadLine, which reads the keys, is not a part of what the tests have."""
    [(_, text)] = [one for one in blocks(PAGE, "powershell") if "--show-completion" in one[1]]
    complete = """
        . $PROFILE *> $null
        (TabExpansion2 'ase-route-sync rel' 18).CompletionMatches.CompletionText
        (TabExpansion2 'ase-route-sync tables e' 23).CompletionMatches.CompletionText
    """
    script = reader.folder / "completion.ps1"
    script.write_text(f"{KEEP_GOING}{text}\n$ErrorActionPreference = 'Continue'\n{complete}")
    done = reader.run((pwsh, "-NoProfile", "-File", script), **ENVIRONMENT)
    assert done.stdout.split() == ["release", "export"], done.stdout + done.stderr


def test_the_command_line_imports_nothing_that_windows_does_not_have():
    for file in (ROOT / "shared").rglob("*.py"):
        nodes = list(ast.walk(ast.parse(file.read_text())))
        names = {
            alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names
        }
        names |= {node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module}
        assert not names & NOT_ON_WINDOWS, file
