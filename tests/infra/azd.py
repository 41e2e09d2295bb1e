"""The deployment zip as the Azure Developer CLI (azd) builds it for a function app.

Source: Azure/azure-dev at ae35809, `cli/azd/pkg/project/project_utils.go` (what is never sent, and
the ignore file) and `cli/azd/pkg/rzip/rzip.go` (an ignored folder is not entered). The patterns are
those of denormal/go-gitignore at ae8ad1d, `pattern.go`, which azd uses. They differ from git's: in
a pattern whose only slash is the first letter, `*` stands for slashes as well.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from zipfile import ZipFile

IGNORE_FILE = ".funcignore"
NEVER_SENT = (".azure", IGNORE_FILE, "local.settings.json")


@dataclass(frozen=True, slots=True)
class Pattern:
    """One line of the ignore file. `parts` are the names between its slashes."""

    negated: bool
    anchored: bool
    folders_only: bool
    parts: tuple[str, ...]

    @classmethod
    def parse(cls, line: str) -> "Pattern":
        bare = line.removeprefix("!")
        parts = tuple(part for part in bare.split("/") if part)
        return cls(line != bare, bare.startswith("/"), bare.endswith("/"), parts)

    def matches(self, path: str, *, is_folder: bool) -> bool:
        if self.folders_only and not is_folder:
            return False
        if self.parts == ("**",) or len(self.parts) > 1:
            return _parts_match(tuple(path.split("/")), self.parts)
        return fnmatchcase(path if self.anchored else Path(path).name, self.parts[0])


def _parts_match(names: tuple[str, ...], parts: tuple[str, ...]) -> bool:
    """Match name by name. `**` stands for any number of names, even for none."""
    if not parts:
        return not names
    if parts[0] == "**":
        return any(_parts_match(names[count:], parts[1:]) for count in range(len(names) + 1))
    return bool(names) and fnmatchcase(names[0], parts[0]) and _parts_match(names[1:], parts[1:])


def deployed_files(project: Path) -> list[str]:
    """Return the paths in the zip."""
    return sorted(str(file.relative_to(project)) for file in _files(project, project))


def write_zip(project: Path, target: Path) -> None:
    with ZipFile(target, "w") as package:
        for name in deployed_files(project):
            package.write(project / name, name)


def _files(project: Path, folder: Path) -> Iterator[Path]:
    lines = (project / IGNORE_FILE).read_text().splitlines()
    patterns = [Pattern.parse(line) for line in lines if line and not line.startswith("#")]
    for entry in folder.iterdir():
        if entry.name in NEVER_SENT or _ignored(entry, project, patterns):
            continue
        if entry.is_dir():
            yield from _files(project, entry)
        else:
            yield entry


def _ignored(entry: Path, project: Path, patterns: list[Pattern]) -> bool:
    """The last pattern that matches decides."""
    path = entry.relative_to(project).as_posix()
    for pattern in reversed(patterns):
        if pattern.matches(path, is_folder=entry.is_dir()):
            return not pattern.negated
    return False
