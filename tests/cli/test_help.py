"""What `--help` costs, and that it reads well in a narrow terminal."""

import os
import re
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from local.azurite import ROOT
from shared.cli import lists
from shared.cli.main import commands, main

COMMANDS = [
    *("plan", "apply", "check", "approve", "provision", "adopt", "rollback", "release"),
    *("discover", "versions", "runs", "doctor", "open", "tables"),
]
OF_TABLES = ("list", "show", "add", "set", "remove", "export", "import")
OURS = {
    *("shared", "shared.redaction", "shared.cli", "shared.cli.main", "shared.cli.errors"),
    "shared.cli.interruption",
    "shared.cli.commands",
    *(
        f"shared.cli.commands.{name}"
        for name in (
            *("actions", "doctor", "lists", "opening", "options", "registrations", "tables"),
        )
    ),
    *("shared.domain", "shared.domain.codes"),
    *("shared.domain.registry", "shared.domain.registry.choices"),
    *("shared.domain.routing", "shared.domain.routing.policy"),
}


def run(*arguments, status=0, **environment):
    """In a new interpreter, which has imported nothing yet."""
    command = [sys.executable, "-W", "error", *arguments]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == status, done.stderr
    return done.stdout, done.stderr


def help_of(words):
    shown = CliRunner().invoke(commands, [*words, "--help"])
    assert shown.exit_code == 0
    return shown.output


def imported_by(*arguments):
    _, timed = run("-X", "importtime", *arguments)
    return {line.rpartition("|")[2].strip() for line in timed.splitlines()}


def test_help_imports_typer_and_the_declarations_of_the_commands_alone():
    imported = imported_by("-m", "shared", "--help") - imported_by("-c", "pass")
    ours = {name for name in imported if name.partition(".")[0] == "shared"}
    others = {name.partition(".")[0] for name in imported - ours} - sys.stdlib_module_names
    assert ours == OURS
    assert others == {"typer", "annotated_doc", "shellingham"}  # what Typer itself imports


def test_no_command_imports_the_functions_or_their_pages():
    names = ("actions", "doctor", "importing", "lists", "tables")
    commands = ", ".join(f"shared.cli.{name}" for name in names)
    shown, _ = run("-c", f"import sys, {commands}; print(*sys.modules)")
    imported = set(shown.split())
    assert "shared.sync.asking" in imported
    assert not imported & {"azure.functions", "jinja2"}
    assert not imported & {"shared.endpoints", "shared.http", "shared.pages"}


def test_each_command_has_its_summary_on_one_line():
    shown, _ = run("-m", "shared", "--help", COLUMNS="80")
    listed = shown.partition("Commands:\n")[2].partition("\n\n")[0].splitlines()
    assert [line.split()[0] for line in listed] == COMMANDS
    assert [line for line in listed if not line.endswith(".") or line.endswith("...")] == []


def test_the_commands_for_tables_have_their_summaries_on_one_line():
    shown, _ = run("-m", "shared", "tables", "--help", COLUMNS="80")
    listed = shown.partition("Commands:\n")[2].splitlines()
    assert [line for line in listed if not line.endswith(".") or line.endswith("...")] == []


@pytest.mark.parametrize("command", [*COMMANDS, *(f"tables {name}" for name in OF_TABLES)])
def test_each_option_says_in_a_word_what_it_takes(command):
    shown = help_of(command.split())
    assert "list[str]" not in shown
    options = shown.partition("Options:\n")[2]
    assert re.findall(r"^  --?[a-z].*<(?:str|int)", options, re.MULTILINE) == []
    assert re.findall(r"[{\[][a-z_]+[}\]]", shown.partition("\n")[0]) == []


@pytest.mark.parametrize(
    "command", [("plan",), ("versions",), ("tables", "list"), ("doctor",)], ids=" ".join
)
def test_a_command_imports_what_it_needs_when_it_runs(command):
    shown, said = run("-m", "shared", *command, status=1)
    assert "AzureWebJobsStorage__tableServiceUri: missing" in shown + said
    assert "Traceback" not in said


def test_an_error_that_nobody_foresaw_is_shown_whole_but_for_its_secrets(monkeypatch, capsys):
    def fail(*_: object, **__: object) -> None:
        raise OSError("https://somewhere/?sig=very-secret")

    monkeypatch.setattr(lists, "list_runs", fail)
    assert main(["runs"]) == 1
    shown = capsys.readouterr().err
    assert "Traceback" in shown
    assert "OSError: https://somewhere/?***" in shown
