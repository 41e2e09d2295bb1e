"""The programs that a script calls: those it needs, and those that stand before the real ones.

`az`, `azd` and others answer as told and note their arguments. A pause is noted as well, and takes
a moment only.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

PROGRAM = """#!{python} -IS
import json, pathlib, sys

def expanded(text):
    # As `az` does: @FILE stands for what the file has, and @- for the standard input.
    name, at, path = text.partition("@")
    if not at or (name and not name.endswith("=")):
        return text
    content = sys.stdin.read() if path == "-" else pathlib.Path(path).read_text()
    return name + content.rstrip("\\n")

arguments = sys.argv[1:]
calls = pathlib.Path({calls!r})
before = calls.read_text().splitlines() if calls.exists() else []
with calls.open("a") as file:
    file.write(json.dumps([arguments, [expanded(text) for text in arguments]]) + "\\n")
for known, answer in json.loads({answers!r}):
    if arguments[: len(known)] == known:
        print(answer)
        break
for known, times in json.loads({failures!r}):
    if sum(json.loads(line)[0][: len(known)] == known for line in before) < times:
        sys.exit(1 if arguments[: len(known)] == known else 0)
"""
PAUSE = '#!/bin/sh\necho "$1" >>{slept}\nexec {sleep} 0.05\n'


def needs(*programs: str) -> pytest.MarkDecorator:
    """Mark tests that are skipped if one of these is missing. `.ci/run` installs them."""
    missing = [name for name in programs if shutil.which(name) is None]
    if missing and os.environ.get("CI"):
        raise RuntimeError(f"not installed: {', '.join(missing)}")
    return pytest.mark.skipif(bool(missing), reason=f"not installed: {', '.join(missing)}")


def shorten_pauses(folder: Path, slept: Path) -> None:
    """Put `sleep` into the folder. It writes the seconds it was asked for into the file."""
    program = folder / "sleep"
    program.write_text(PAUSE.format(slept=slept, sleep=shutil.which("sleep")))
    program.chmod(0o755)


@dataclass(frozen=True, slots=True)
class Call:
    shown: list[str]
    """The arguments that everybody can read in the list of processes."""
    arguments: list[str]
    """The same, with the content of files."""

    def begins_with(self, words: str) -> bool:
        known = words.split()
        return self.arguments[: len(known)] == known

    def option(self, name: str) -> str:
        return self.arguments[self.arguments.index(name) + 1]


class RecordedAz:
    """`answers` has the output of commands by their first words, and `failures` how often one fails
    before it does not. Several of them can be in one folder, with the names of other programs.
    """

    def __init__(
        self,
        folder: Path,
        answers: Mapping[str, str],
        failures: Mapping[str, int] | None = None,
        *,
        name: str = "az",
    ) -> None:
        self._path = folder / "bin"
        self._calls = folder / f"{name}.calls"
        self._path.mkdir(exist_ok=True)

        shown = {words for words, text in answers.items() if text}
        assert not {words for words in shown if "keys set" in words}, "it shows no key: PR 27611"

        known = json.dumps([[words.split(), text] for words, text in answers.items()])
        failing = json.dumps([[words.split(), times] for words, times in (failures or {}).items()])
        text = PROGRAM.format(
            python=sys.executable, calls=str(self._calls), answers=known, failures=failing
        )

        program = self._path / name
        program.write_text(text)
        program.chmod(0o755)
        shorten_pauses(self._path, folder / "slept")

    def run(
        self, command: Iterable[str | Path], cwd: Path, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*command],
            cwd=cwd,
            env={"PATH": f"{self._path}{os.pathsep}{os.environ['PATH']}", **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    @property
    def calls(self) -> list[Call]:
        lines = self._calls.read_text().splitlines() if self._calls.exists() else []
        return [Call(*json.loads(line)) for line in lines]


def run_page(
    page: str, az: RecordedAz, cwd: Path, readers: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run the commands of a page from the first to the last.

    The first block of the page gives the reader's own variables, and the tests give others.
    """
    own, *rest = re.findall(r"```sh\n(.*?)```", page, re.DOTALL)
    assert all(f"{name}=" in own for name in readers)
    return az.run(("bash", "-euo", "pipefail", "-c", "".join(rest)), cwd, **readers)
